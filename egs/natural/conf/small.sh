# From nothing to a score in an hour or so, every stage and every phase once; the speech is babble.
hours=${hours:-0.05}
word_hours=${word_hours:-0}
vae_config=configs/vae/quick.yaml
vae_decoder_config=configs/vae/quick.yaml
train_config=configs/ditar/quick.yaml
last_config=configs/ditar/quick.yaml
decode_config=egs/natural/conf/decode_small.txt
