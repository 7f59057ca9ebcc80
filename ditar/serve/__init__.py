"""`ditar serve`: many listeners, one model, over HTTP and WebSocket, in the form of OpenAI's speech endpoint.

    engine       one thread that speaks for all; who waits, who is spoken, who went away
    batches      a patch of every row of a model with diffusion, whose rows join and leave between patches
    one_by_one   the same for a model that draws tokens, one utterance after the other
    talk         one request: its pieces in order, as a stream of audio
"""
