#!/usr/bin/env python3
"""Makes train/ and test/ of this example of pictures with boxes in the form of Pascal VOC, such as BCCD's.

    python3 prepare.py BCCD_Dataset/BCCD OUT [--train N] [--test N]

Reads ImageSets/Main/trainval.txt and test.txt (names, one a line), Annotations/NAME.xml and JPEGImages/NAME.jpg; writes
OUT/train and OUT/test, each with images.npy (bytes [count][160][160][3]), boxes.csv (image_index,class,x1,y1,x2,y2 in
pixels of those) and files.txt. N of the pictures only, drawn with a fixed seed. Needs Pillow (python3-pil).
"""
import argparse
import pathlib
import random
import struct
import sys
import xml.etree.ElementTree as xml

from PIL import Image

SIDE = 160
CLASSES = ["RBC", "WBC", "Platelets"]


def boxes_of(path, width, height):
    """Class and edges of each box that has an area, on a picture reduced to SIDE x SIDE."""
    for item in xml.parse(path).getroot().iter("object"):
        edges = [float(item.find("bndbox").find(edge).text) for edge in ("xmin", "ymin", "xmax", "ymax")]
        x1, x2 = (min(max(x, 0), width) * SIDE / width for x in edges[0::2])
        y1, y2 = (min(max(y, 0), height) * SIDE / height for y in edges[1::2])
        if x2 > x1 and y2 > y1:
            yield CLASSES.index(item.find("name").text), x1, y1, x2, y2


def reduced(picture):
    """Each pixel the mean of those that it takes the place of."""
    width, height = picture.size
    if width % SIDE == 0 and height % SIDE == 0:
        return picture.reduce((width // SIDE, height // SIDE))
    return picture.resize((SIDE, SIDE), Image.BOX)


def npy_header(count):
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, %d, %d, 3), }" % (count, SIDE, SIDE)
    text += " " * (-(10 + len(text) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("ascii")


def write_part(voc, out, names):
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "images.npy", "wb") as images, open(out / "boxes.csv", "w") as boxes, \
            open(out / "files.txt", "w") as files:
        images.write(npy_header(len(names)))
        boxes.write("image_index,class,x1,y1,x2,y2\n")
        for index, name in enumerate(names):
            picture = Image.open(voc / "JPEGImages" / (name + ".jpg")).convert("RGB")
            images.write(reduced(picture).tobytes())
            files.write(name + ".jpg\n")
            for box in boxes_of(voc / "Annotations" / (name + ".xml"), *picture.size):
                boxes.write("%d,%d,%.2f,%.2f,%.2f,%.2f\n" % (index, *box))
    print("%s: %d pictures" % (out, len(names)))


def names_of(voc, part, count):
    names = sorted((voc / "ImageSets" / "Main" / (part + ".txt")).read_text().split())
    return sorted(random.Random(0).sample(names, count)) if count else names


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("voc", type=pathlib.Path, help="the directory that holds Annotations and JPEGImages")
    options.add_argument("out", type=pathlib.Path)
    options.add_argument("--train", type=int, default=0, metavar="N", help="that many of the training pictures")
    options.add_argument("--test", type=int, default=0, metavar="N", help="that many of the test pictures")
    given = options.parse_args()
    try:
        write_part(given.voc, given.out / "train", names_of(given.voc, "trainval", given.train))
        write_part(given.voc, given.out / "test", names_of(given.voc, "test", given.test))
    except (OSError, ValueError) as problem:
        sys.exit("prepare.py: %s" % problem)


if __name__ == "__main__":
    main()
