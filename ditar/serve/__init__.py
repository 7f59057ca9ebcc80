"""`ditar serve`: many clients, one model, over HTTP and WebSocket, in the form of OpenAI's speech endpoint.

    settings     how a server is started; everything else needs the extra `serve`
    engine       one thread that speaks for all: who waits, who is spoken, who went away
    batches      a patch of every row of a model with diffusion, whose rows join and leave between patches
    one_by_one   the same for a model that draws tokens, one utterance at a time
    talk         one request: its pieces in order, as a stream of audio
    bodies, voices, formats, errors, metrics      requests, their voices, files and errors; figures for Prometheus
    service      all of these, and how many requests are accepted
    answers, socket, guard, app, program          HTTP, WebSocket, access, paths, the process
"""
