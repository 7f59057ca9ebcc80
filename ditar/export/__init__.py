"""A model's folder in other forms: `write.export_onnx`, the graphs and tables that `ditar.onnx` speaks from.

graph, blocks    ONNX graphs node by node, and the blocks of our networks in them
graphs           the graphs of a model: patches, lm, locdit, reading, spoken, reference, vocoder
write            the folder, with the voices that ship
"""
