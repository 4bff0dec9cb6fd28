"""What Longview's rendering does after the modality transform (docs/rendering.md), in NumPy and Pillow."""
import numpy as np
from PIL import Image


def render(pixels, shorter_side=512):
    """Trim, level, and a Lanczos resampling to the shorter side: an 8-bit picture."""
    different = pixels != pixels[0, 0]
    rows, columns = np.flatnonzero(different.any(axis=1)), np.flatnonzero(different.any(axis=0))
    kept = pixels[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    low, high = float(kept.min()), float(kept.max())
    levels = np.floor((kept - low) / (high - low) * 255 + 0.5).astype(np.uint8)
    height, width = levels.shape
    ratio = shorter_side / min(height, width)
    return Image.fromarray(levels).resize((round(width * ratio), round(height * ratio)), Image.Resampling.LANCZOS)
