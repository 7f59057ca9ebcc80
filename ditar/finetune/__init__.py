"""From a folder of recordings to a model of their voice: `ditar finetune`.

    folder -> recordings   layouts of folders -> names, texts, speakers
           -> pieces       heard, aligned with its text, cut at pauses, trimmed: one program over all recordings
           -> dataset      what is held out; latents of the base's VAE
           -> system       training: the loop and the system of `ditar.train`, all weights or an adapter
           -> compare      held-out sentences by the base and by what it has become, judged -> page
    run: all of it, in the order of the data

Needs the extra `finetune`; importing this package needs none of it.
"""
