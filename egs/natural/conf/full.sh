# Never run as a whole. An estimate: two days or more on two cores, half of one for the teacher to speak and be judged,
# more than one for the 34,000 steps of DiTAR, at 3 s each with avx512_bf16.
hours=${hours:-15}
word_hours=${word_hours:-4}
vae_config=configs/vae/natural.yaml
vae_decoder_config=configs/vae/natural_decoder.yaml
train_config=configs/ditar/natural.yaml
last_config=configs/ditar/natural_last.yaml
