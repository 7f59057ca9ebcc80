"""What is true of any file that we write.

atomic_write  there whole or not at all
lock          one program at a time writes a file or a folder
json_lines    tables of JSON objects, written whole or appended to by programs that may be killed
weights       a model: config.json and model.safetensors
digests       what tells whether two wholes are one
provenance    where a figure comes from: date, commit, command, environment

Importing this package or a module of it imports no torch, `weights` aside.
"""


class ModelError(ValueError):
    """A model folder that cannot be used; the message names the file, what was found and the remedy."""
