"""The server: an encoded picture in the body, faces in the members of Facequeue's answer."""

import json
import os

from fastapi import FastAPI, Request, Response

from faces import FaceFinder

app = FastAPI()
finder = FaceFinder(os.environ["PACK"])


@app.post("/face_detection")
async def face_detection(request: Request):
    # Not in a thread: a worker has one core, and one picture at a time is quickest.
    faces, (width, height) = finder.find(await request.body())
    answer = {
        "Faces": [
            {
                "BoundingBox": {
                    "Left": float(box[0]) / width,
                    "Top": float(box[1]) / height,
                    "Width": float(box[2] - box[0]) / width,
                    "Height": float(box[3] - box[1]) / height,
                },
                "Confidence": float(score),
                "landmark_106": [{"x": x, "y": y} for x, y in points.round().astype(int).tolist()],
                "gender": "male" if male >= 0.5 else "female",
                "age": int(round(float(age))),
            }
            for score, box, points, male, age in faces
        ]
    }
    return Response(json.dumps(answer, separators=(",", ":")), media_type="application/json")
