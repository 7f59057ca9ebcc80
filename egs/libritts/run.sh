#!/usr/bin/env bash
# LibriTTS (or LibriTTS-R): 24 kHz, read by 2,456 speakers; the main open corpus of several voices.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/path.sh"
. "$eg/cmd.sh"
. "$root/recipes/corpus.sh"

nj=16
ngpu=8
edition=libritts
parts=train-clean-100,train-clean-360
mirror=

corpus_help "Trains on --parts, validates on dev-clean, and speaks sentences of test-clean in
the voices of its speakers (conf/sets.txt limits both)." \
    "EDITION, or EDITION-finetune" configs/ditar/0.4b.yaml \
    "  --edition NAME                libritts, or librittsr: the same utterances restored ($edition)
  --parts PART,PART             parts to train on ($parts; 35 GB; train-other-500 has 44 GB more)
  --corpus DIR                  LibriTTS in its own layout; parts that it lacks are fetched by stage -1
                                ($eg/downloads/LibriTTS, or LibriTTS_R)
  --mirror URL                  another place than openslr.org/resources to fetch from"

. "$root/recipes/parse_options.sh"
case $edition in
    libritts) corpus=${corpus:-$eg/downloads/LibriTTS} ;;
    librittsr) corpus=${corpus:-$eg/downloads/LibriTTS_R} ;;
    *)
        echo "$0: --edition must be libritts or librittsr, got '$edition'" >&2
        exit 1
        ;;
esac
locate_folders corpus datadir

lacking=
for part in ${parts//,/ } dev-clean test-clean; do
    if [ ! -d "$corpus/$part" ]; then lacking+=,$part; fi
done
if [ -n "$lacking" ]; then fetch_corpus "$edition" --parts "$lacking" ${mirror:+--mirror "$mirror"}; fi

train_on_corpus "$edition" "$edition-finetune" configs/ditar/0.4b.yaml test "$edition" \
    "--nj $nj --skip-bad --set train=$parts --set val=dev-clean --set test=test-clean $(cat "$eg/conf/sets.txt")"
