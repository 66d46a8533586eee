/**
 * Smoothing a noisy curve.
 */

/**
 * The exponential moving average of a curve, freed of its bias towards zero: after n values it is divided by 1 - weight^n,
 * as TensorBoard does (`resmoothDataset` of its line chart) after Kingma and Ba, "Adam", ICLR 2015, section 3.
 * What is not finite stays as it is and is left out of the average. Curves thinned by the server are smoothed as they came.
 *
 * @param weight - from 0 (no smoothing) to below 1
 */
export function smooth(values: readonly number[], weight: number): readonly number[] {
  if (weight <= 0) {
    return values;
  }
  let average = 0;
  let bias = 1;
  return values.map(value => {
    if (!Number.isFinite(value)) {
      return value;
    }
    average = average * weight + value * (1 - weight);
    bias *= weight;
    return average / (1 - bias);
  });
}
