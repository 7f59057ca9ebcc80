"""text + reference clip -> waveform, by the continuous system and by the discrete baseline.

    reference -> voice, voice_file, voice_names      a clip in the form a model reads, made once
    request -> continuous | discrete                 text and voice as a model reads them
      -> pipeline | token_pipeline, stream           waveforms; retry: what failed is made again
      -> pieces, script, long_text (finished), utterance_list (list_folder)    any length, any number, resumable
    model_folder, loading -> pretrained              a pipeline from a folder or from the hub
    diffusers_pipeline                               the same as a pipeline of diffusers
"""
