# Days on two cores: the teacher speaks and is judged in half of one, DiTAR takes 34,000 steps of 3 s (with avx512_bf16) or more.
hours=${hours:-15}
word_hours=${word_hours:-4}
vae_config=configs/vae/natural.yaml
vae_decoder_config=configs/vae/natural_decoder.yaml
train_config=configs/ditar/natural.yaml
last_config=configs/ditar/natural_last.yaml
decode_config=egs/natural/conf/decode.txt
