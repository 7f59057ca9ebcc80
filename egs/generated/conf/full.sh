# Eighteen and a half hours of speech by 1454 voices; most of a day on two cores.
corpus_options="--utterances 26000 --val 200 --vae-test 400"
vae_config=configs/vae/small.yaml
train_config=configs/ditar/small.yaml
decode_config=
codec_config=configs/vae/rvq.yaml
baseline_decode_config=
baseline_config=configs/baseline/matched.yaml
