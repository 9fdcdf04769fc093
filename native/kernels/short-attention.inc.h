// The gradients of one window and head of attention with short factors in all products.

// c [rows, wide] = a b of pairs, b [pairs, wide]; wide is padded.
INLINE void shortTimes(int64_t rows, int64_t wide, int64_t pairs, const ShortLeft& a, const uint32_t* b, float* c) {
  int64_t at = 0;
  for (; at + 32 <= wide; at += 32) shortStrip<2, Sink::write>(rows, pairs, a, {b + at, wide}, nullptr, {c + at, wide});
  if (at < wide) shortStrip<1, Sink::write>(rows, pairs, a, {b + at, wide}, nullptr, {c + at, wide});
}

// Rows [N, padded d], times factor, as pairs along d and transposed: [padded d / 2, padded N], the padding zero.
INLINE void pairTransposed(const Place<float>& at, float* from, float factor, uint32_t* into) {
  const int64_t wideN = padded<float>(at.N), wideD = padded<float>(at.d);
  if (factor != 1.0f)
    for (int64_t k = 0; k < at.N * wideD; k += 16) store(from + k, load(from + k) * factor);
  int64_t i = 0;
  for (; i + 16 <= at.N; i += 16) pairSixteenRows(wideD, from + i * wideD, wideD, into + i, wideN);
  if (i == at.N) return;
  for (int64_t k = 0; k < wideD / 2; k++)
    for (int64_t n = i; n < wideN; n++)
      into[k * wideN + n] =
          n < at.N ? rounded(from[n * wideD + 2 * k]) | rounded(from[n * wideD + 2 * k + 1]) << 16 : 0;
}

INLINE void attendBackwardShort(const Place<float>& at, const float* gradOut, float* gradQkv, float* gradBias,
                                float* buffer) {
  const int64_t N = at.N, d = at.d, wideN = padded<float>(N), wideD = padded<float>(d), stride = 3 * at.C,
                pairsN = (N + 1) / 2, pairsD = wideD / 2;
  float* weights = buffer;
  float* slopes = weights + N * wideN;
  float* rows = slopes + N * wideN;
  float* grad = rows + N * wideD;
  uint32_t* turned = pairsOf(0, pairsD * wideN);
  uint32_t* left = pairsOf(1, N * (pairsD > wideN / 2 ? pairsD : wideN / 2));
  uint32_t* keys = pairsOf(2, pairsN * wideD);
  uint32_t* queries = pairsOf(3, pairsN * wideD);
  uint32_t* grads = pairsOf(4, pairsN * wideD);
  uint32_t* eights = pairsOf(5, wideN * pairsN);
  gatherRows(at, at.qkv + at.C, stride, rows);
  pairColumns(N, rows, wideD, 0, wideD, keys, wideD);
  pairTransposed(at, rows, at.scale, turned);
  gatherRows(at, at.qkv, stride, rows);
  pairColumns(N, rows, wideD, 0, wideD, queries, wideD);
  pairRows(N, wideD, rows, wideD, left, pairsD);
  gatherRows(at, gradOut, at.C, grad);
  pairColumns(N, grad, wideD, 0, wideD, grads, wideD);

  fetchNext(at);
  shortTimes(N, wideN, pairsD, byRows(left, pairsD), turned, weights);
  softmaxRows(at, weights);
  pairEights(N, weights, wideN, 0, wideN, eights);
  shortTimes(N, wideD, pairsN, byEights(eights, pairsN), grads, rows);
  scatterRows(at, rows, 1.0f, gradQkv + 2 * at.C, stride);

  gatherRows(at, at.qkv + 2 * at.C, stride, rows);
  pairTransposed(at, rows, 1.0f, turned);
  pairRows(N, wideD, grad, wideD, left, pairsD);
  shortTimes(N, wideN, pairsD, byRows(left, pairsD), turned, slopes);
  softmaxBackward(N, wideN, weights, slopes, gradBias);
  pairRows(N, wideN, slopes, wideN, left, wideN / 2);
  shortTimes(N, wideD, pairsN, byRows(left, wideN / 2), keys, rows);
  scatterRows(at, rows, at.scale, gradQkv, stride);
  pairEights(N, slopes, wideN, 0, wideN, eights);
  shortTimes(N, wideD, pairsN, byEights(eights, pairsN), queries, rows);
  scatterRows(at, rows, at.scale, gradQkv + at.C, stride);
}
