# From nothing to a score in some minutes on two cores; the speech is babble.
corpus_options="--utterances 400 --val 20 --vae-test 24"
vae_config=configs/vae/quick.yaml
train_config=configs/ditar/quick.yaml
decode_config=egs/generated/conf/decode_small.txt
codec_config=configs/vae/quick_rvq.yaml
baseline_decode_config=egs/generated/conf/decode_small_baseline.txt
baseline_config=configs/baseline/quick.yaml
