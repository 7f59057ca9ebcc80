"""`ditar serve`: many listeners, one model, over HTTP and WebSocket, in the form of OpenAI's speech endpoint.

    settings     what a server is started with; the rest needs the extra `serve`
    engine       one thread that speaks for all: who waits, who is spoken, who went away
    batches      a patch of every row of a model with diffusion, whose rows join and leave between patches
    one_by_one   the same for a model that draws tokens, one utterance after the other
    talk         one request: its pieces in order, as a stream of audio
    bodies, voices, formats, errors, metrics      what may be asked, by whose voice, as which file; what is told
    service      all of these, and how many may ask
    answers, socket, guard, app, program          HTTP, WebSocket, who may ask, paths, the process
"""
