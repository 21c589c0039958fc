"""Train the embedded CLIP from nothing on pictures drawn by this package and on captions written about them.

for record in pretrain(PretrainSettings(), Path("assets/clipforget-tiny")):
    print(record)
"""
