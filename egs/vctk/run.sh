#!/usr/bin/env bash
# VCTK 0.92: 110 speakers, 44 hours, 48 kHz; some speakers are left out of training. With --init it fine-tunes a model.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/path.sh"
. "$eg/cmd.sh"
. "$root/recipes/corpus.sh"

nj=8
corpus=$eg/downloads/VCTK-Corpus-0.92
val_speakers=4
test_speakers=8
skip_bad=false

corpus_help "The download has 11 GB. The last speakers by name are held out; sentences
that training speakers say too are in neither held-out set (conf/sets.txt limits their size)." \
    "scratch, or finetune" configs/ditar/0.1b.yaml \
    "  --corpus DIR                  VCTK in its own layout; fetched by stage -1 if it is missing ($corpus)
  --val-speakers N --test-speakers N    speakers left out of training ($val_speakers, $test_speakers)
  --skip-bad                    leave out what has no audio or no text; otherwise stage 0 names it and stops"

. "$root/recipes/parse_options.sh"
locate_folders corpus datadir
if [ ! -f "$corpus/speaker-info.txt" ]; then fetch_corpus vctk; fi

options="--hold-out speakers --val $val_speakers --test $test_speakers $(cat "$eg/conf/sets.txt")"
if [ "$skip_bad" = true ]; then options+=' --skip-bad'; fi
train_on_corpus scratch finetune configs/ditar/0.1b.yaml test vctk "$options"
