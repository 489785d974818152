# The best ten by cosine among so many random vectors, as numpy finds them on one thread: a product and a partition. The
# line that comes out is the median time of a query in milliseconds.
import os
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = sys.argv[3] if len(sys.argv) > 3 else "1"

import numpy as np

count, dimension = int(sys.argv[1]), int(sys.argv[2])
random = np.random.default_rng(17)
table = random.random((count, dimension), dtype=np.float32) - np.float32(0.5)
table /= np.linalg.norm(table, axis=1, keepdims=True)
times = []
for _ in range(41):
    query = random.random(dimension, dtype=np.float32) - np.float32(0.5)
    query /= np.linalg.norm(query)
    begun = time.perf_counter()
    scores = table @ query
    best = np.argpartition(scores, -10)[-10:]
    best = best[np.argsort(-scores[best])]
    times.append((time.perf_counter() - begun) * 1e3)
print(sorted(times)[len(times) // 2])
