#!/usr/bin/env bash
# LJ Speech: one voice, 24 hours. Trains from nothing, or with --init fine-tunes a model on it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/path.sh"
. "$eg/cmd.sh"
. "$root/recipes/corpus.sh"

corpus=$eg/downloads/LJSpeech-1.1
val=100
test=100
skip_bad=false

corpus_help "The download has 2.6 GB." "scratch, or finetune" configs/ditar/0.1b.yaml \
    "  --corpus DIR                  LJSpeech-1.1 in its own layout; fetched by stage -1 if it is missing ($corpus)
  --val N --test N              utterances left out of training ($val, $test)
  --skip-bad                    leave out what has no audio or no text; otherwise stage 0 names it and stops"

. "$root/recipes/parse_options.sh"
locate_folders corpus datadir
if [ ! -f "$corpus/metadata.csv" ]; then fetch_corpus ljspeech; fi

options="--hold-out utterances --val $val --test $test"
if [ "$skip_bad" = true ]; then options+=' --skip-bad'; fi
train_on_corpus scratch finetune configs/ditar/0.1b.yaml val ljspeech "$options"
