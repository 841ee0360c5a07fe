"""Faces in a picture, with the models and rules of a pack, as one would write it in Python: OpenCV, NumPy and onnxruntime.

It does what the service does in the profile `balanced`: the passes of the manifest with their early exit, box voting, the verifier where the
pack has one, 106 points, gender and age with the mirrored crop.
"""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

PROFILE = "balanced"
# As in packages/pipeline: images over this are shrunk, faces from this size on are not placed better by a larger pass.
LARGEST_SIDE = 4096
POINTS_SETTLED = 64
FACES_PER_RUN = 8
LEAST_DOUBT = 1e-6

cv2.setNumThreads(1)


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def logit(p):
    p = np.clip(p, LEAST_DOUBT, 1 - LEAST_DOUBT)
    return np.log(p / (1 - p))


def overlaps(box, boxes):
    """Intersection over union of one box and many."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=1)
    return both / (np.prod(box[2:] - box[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - both)


class Candidates:
    """Anchors of a pass: `boxes` and `points` in px of the image, `sizes` in px of the pass."""

    def __init__(self, scores, boxes, points, sizes, passes):
        self.scores, self.boxes, self.points, self.sizes, self.passes = scores, boxes, points, sizes, passes

    def where(self, mask):
        return Candidates(*(array[mask] for array in self.arrays()))

    def arrays(self):
        return self.scores, self.boxes, self.points, self.sizes, self.passes

    @staticmethod
    def all(several):
        return Candidates(*(np.concatenate(arrays) for arrays in zip(*(one.arrays() for one in several))))


class FaceFinder:
    def __init__(self, manifest_path):
        path = Path(manifest_path)
        manifest = json.loads(path.read_text())
        self.rules = manifest["detection"]
        self.crops = manifest["crops"]
        self.sessions = {
            role: session(path.parent / model["file"])
            for role, model in manifest["models"].items()
            if role != "refiner"
        }
        verification = manifest.get("verification")
        self.verification = verification if verification and PROFILE in verification["profiles"] else None

    def find(self, encoded):
        """Faces in an encoded picture, the most confident first, and the picture's size."""
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
        height, width = image.shape[:2]
        reduction = LARGEST_SIDE / max(width, height)
        if reduction < 1:
            image = cv2.resize(image, None, fx=reduction, fy=reduction, interpolation=cv2.INTER_AREA)
        found = self.search(image)
        faces = self.describe(image, found)
        return faces, (image.shape[1], image.shape[0])

    def search(self, image):
        """Boxes, points and scores that reach the pack's confidence, and the detector's own boxes."""
        scores, boxes, points = self.detect(image)
        own = boxes
        if self.verification and len(scores):
            scores, boxes = self.verify(image, scores, boxes)
        confident = np.flatnonzero(scores >= self.rules["default_confidence"])
        confident = confident[np.argsort(-scores[confident], kind="stable")]
        return scores[confident], boxes[confident], points[confident], own[confident]

    # Detection

    def detect(self, image):
        height, width = image.shape[:2]
        long = max(width, height)
        passes = self.rules["passes"][PROFILE]
        scales = [scale_of(width, height, one) for one in passes]
        planned = []
        for index, scale in enumerate(scales):
            if not planned or scale >= 1.1 * scales[planned[-1]]:
                planned.append(index)
        certain = [index for index in planned if "skip" not in passes[index]]
        levels = self.levels(image, [scales[index] for index in certain])
        ran = []
        for index in planned:
            skip = passes[index].get("skip")
            if skip and long >= skip["long_side"] and stops(skip, [found for _, found in ran]):
                continue
            ran.append((passes[index], self.run_pass(image, scales[index], index, levels)))
        gated = []
        for position, (rules, found) in enumerate(ran):
            least = 0 if position == len(ran) - 1 else rules["faces"]["from"]
            most = rules["faces"]["to"] or math.inf
            gated.append(
                found.where(
                    (found.scores >= self.rules["candidate_score"]) & (found.sizes >= least) & (found.sizes < most)
                )
            )
        return self.merge(Candidates.all(gated))

    def levels(self, image, scales):
        """The image at the scales that are certainly needed, small ones from larger ones."""
        made = {}
        source = image
        for scale in sorted((scale for scale in scales if scale < 1), reverse=True):
            width, height = content_of(image, scale)
            smaller = source if source.shape[1] >= 2 * width else image
            source = made[scale] = cv2.resize(smaller, (width, height), interpolation=cv2.INTER_AREA)
        return made

    def run_pass(self, image, scale, index, levels):
        height, width = image.shape[:2]
        multiple = self.rules["size_multiple"]
        if scale <= 1:
            content = levels.get(scale)
            if content is None:
                content = image if scale == 1 else cv2.resize(image, content_of(image, scale), interpolation=cv2.INTER_AREA)
            net = tuple(math.ceil(side / multiple) * multiple for side in content.shape[:2])
            canvas = net
            scale_x, scale_y = content.shape[1] / width, content.shape[0] / height
        else:
            content = image
            net = tuple(math.ceil(round(side * scale) / multiple) * multiple for side in image.shape[:2])
            canvas = tuple(max(side, round(netSide / scale)) for side, netSide in zip(image.shape[:2], net))
            scale_x, scale_y = net[1] / canvas[1], net[0] / canvas[0]
        if content.shape[:2] != canvas:
            bottom, right = canvas[0] - content.shape[0], canvas[1] - content.shape[1]
            content = cv2.copyMakeBorder(content, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
        feeds = {"images": content[np.newaxis], "size": np.array(net, np.int64)}
        scores, boxes, points = self.sessions["detector"].run(["scores", "boxes", "points"], feeds)
        lowest = min(
            self.rules["candidate_score"],
            *(one["skip"]["speck_score"] for one in self.rules["passes"][PROFILE] if "skip" in one),
            1,
        )
        anchors = np.flatnonzero(scores[0] >= lowest)
        boxes = boxes[0][anchors]
        sizes = np.sqrt(np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1))
        scale = np.array([scale_x, scale_y], np.float32)
        return Candidates(
            scores[0][anchors],
            boxes / np.tile(scale, 2),
            points[0][anchors] / scale,
            sizes,
            np.full(len(anchors), index),
        )

    def merge(self, candidates):
        """Non-maximum suppression with box voting."""
        candidates = candidates.where(np.argsort(-candidates.scores, kind="stable"))
        scores, boxes, points, sizes, passes = candidates.arrays()
        free = np.ones(len(scores), bool)
        kept = []
        for best in range(len(scores)):
            if not free[best]:
                continue
            overlap = overlaps(boxes[best], boxes)
            later = free & (np.arange(len(scores)) > best)
            voters = np.append(best, np.flatnonzero(later & (overlap >= self.rules["vote_iou"])))
            free[later & (overlap >= self.rules["nms_iou"])] = False
            box = np.average(boxes[voters], axis=0, weights=scores[voters])
            source = best
            for voter in voters[1:]:
                if passes[voter] < passes[source] and sizes[voter] >= POINTS_SETTLED:
                    source = voter
            kept.append((scores[best], box, points[source]))
        if not kept:
            return np.empty(0), np.empty((0, 4)), np.empty((0, 5, 2))
        return tuple(np.array(column) for column in zip(*kept))

    def verify(self, image, scores, boxes):
        rules, rule = self.verification, self.crops["verifier"]
        asked = np.flatnonzero(scores >= least_promising(self.rules["default_confidence"], rules))
        scores, boxes = scores.copy(), boxes.copy()
        if len(asked) == 0:
            return scores, boxes
        some = boxes[asked]
        centres = (some[:, :2] + some[:, 2:]) / 2
        sides = rule["scale"] * np.max(some[:, 2:] - some[:, :2], axis=1)
        crops = np.stack(
            [cut(image, centre, side, 0, rule["size"]) for centre, side in zip(centres, sides)]
        )
        faces, seen = self.sessions["verifier"].run(["face", "boxes"], {"faces": crops})
        placed = seen * (sides / rule["size"])[:, None] + np.tile(centres - sides[:, None] / 2, 2)
        scores[asked] = 1 / (1 + np.exp(-(logit(scores[asked]) + rules["score_share"] * logit(faces))))
        boxes[asked] = some + rules["box_share"] * (placed - some)
        return scores, boxes

    # Points, gender, age

    def describe(self, image, found):
        scores, boxes, points, own = found
        landmark, attribute = self.crops["landmarks"], self.crops["attributes"]
        faces = []
        for start in range(0, len(scores), FACES_PER_RUN):
            some = range(start, min(start + FACES_PER_RUN, len(scores)))
            places = [landmark_place(own[i], points[i], landmark) for i in some]
            crops = np.stack([cut(image, *place, landmark["size"]) for place in places])
            (meshes,) = self.sessions["landmarks"].run(["points"], {"faces": crops})
            heads = [attribute_place(points[i], attribute) for i in some]
            crops = np.stack([cut(image, *place, attribute["size"]) for place in heads])
            if attribute["mirror"]:
                crops = np.concatenate([crops, crops[:, :, ::-1]])
            male, age = self.sessions["attributes"].run(["male", "age"], {"faces": crops})
            male, age = (values.reshape(-1, len(heads)).mean(axis=0) for values in (male, age))
            for j, i in enumerate(some):
                faces.append((scores[i], boxes[i], to_image(meshes[j], places[j], landmark["size"]), male[j], age[j]))
        return faces


def scale_of(width, height, rules):
    long = max(width, height)
    side = rules.get("long_side") or {}
    wanted = min(side.get("max") or math.inf, max(side.get("min") or 0, rules["scale"] * long))
    by_area = math.sqrt(rules["max_megapixels"] * 1e6 / (width * height)) if "max_megapixels" in rules else math.inf
    return max(rules.get("min_scale", 0), min(wanted / long, rules.get("max_scale", math.inf), by_area))


def content_of(image, scale):
    return max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))


def stops(skip, passes):
    """Whether a face stands out and no speck calls for a closer pass."""
    last = passes[-1]
    return any((found.scores >= skip["face_score"]).any() for found in passes) and not (
        (last.sizes < skip["speck_size"]) & (last.scores >= skip["speck_score"])
    ).any()


def least_promising(confidence, rules):
    lift = rules["score_share"] * logit(1 - LEAST_DOUBT)
    return max(rules["candidate_score"], 1 / (1 + math.exp(-(logit(confidence) - lift))))


def cut(image, centre, side, roll, size):
    """A rotated square of an image, `size` px wide."""
    step = side / size
    cos, sin = math.cos(roll) * step, math.sin(roll) * step
    half = size / 2 - 0.5
    matrix = np.array(
        [
            [cos, -sin, centre[0] - half * cos + half * sin - 0.5],
            [sin, cos, centre[1] - half * sin - half * cos - 0.5],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def axes(points):
    eyes, mouth = (points[0] + points[1]) / 2, (points[3] + points[4]) / 2
    across, down = points[1] - points[0], mouth - eyes
    return eyes, mouth, across, down, math.atan2(across[1] - down[0], across[0] + down[1])


def landmark_place(box, points, rule):
    roll = axes(points)[4]
    width, height = box[2:] - box[:2]
    size = math.sqrt(width * height)
    shift = rule["shift_down"] * size * np.array([-math.sin(roll), math.cos(roll)])
    return (box[:2] + box[2:]) / 2 + shift, rule["scale"] * size, roll


def attribute_place(points, rule):
    eyes, mouth, across, down, roll = axes(points)
    side = rule["scale"] * max(math.hypot(*across), rule["mouth_ratio"] * math.hypot(*down))
    shift = rule["shift_down"] * side * np.array([-math.sin(roll), math.cos(roll)])
    return (eyes + mouth) / 2 + shift, side, roll


def to_image(points, place, size):
    centre, side, roll = place
    inside = (points / size - 0.5) * side
    cos, sin = math.cos(roll), math.sin(roll)
    return centre + inside @ np.array([[cos, sin], [-sin, cos]])
