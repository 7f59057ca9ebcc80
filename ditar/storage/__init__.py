"""Properties of every file that we write.

atomic_write  complete or absent
lock          one program at a time writes a file or a folder
json_lines    tables of JSON objects, written whole or appended to by programs that may be killed
weights       a model: config.json and model.safetensors
digests       short hashes that tell whether two things are equal
provenance    where a figure comes from: date, commit, command, environment

Importing this package or a module of it imports no torch, except for `weights`.
"""


class ModelError(ValueError):
    """A model folder that cannot be used; the message names the file, what was found and the remedy."""
