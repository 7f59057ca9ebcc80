# About a day and a half on two cores, half of it for the teacher to speak and the judge to hear it.
hours=${hours:-15}
word_hours=${word_hours:-4}
vae_config=configs/vae/natural.yaml
vae_decoder_config=configs/vae/natural_decoder.yaml
train_config=configs/ditar/natural.yaml
last_config=configs/ditar/natural_last.yaml
decode_config=egs/natural/conf/decode.txt
