use super::error::invalid;
use crate::Error;
use serde::{Deserialize, Serialize};

/// The entries that the service takes at the most.
const MAX_ENTRIES: usize = 1_000;

/// A sparse vector: the values of a few of many dimensions
/// ([Sparse indexes](https://upstash.com/docs/vector/features/sparseindexes)).
///
/// ```
/// use axum_upstash::vector::SparseVector;
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let vector = SparseVector::try_new([(3, 0.5), (1, 0.25)])?;
/// assert_eq!(vector.indices(), [1, 3]);
/// assert!(SparseVector::try_new([(1, f32::NAN)]).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Entries")]
pub struct SparseVector {
    indices: Vec<u32>,
    values: Vec<f32>,
}

/// The entries of a sparse vector, as JSON has them.
#[derive(Debug, Deserialize)]
pub(super) struct Entries {
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl TryFrom<Entries> for SparseVector {
    type Error = Error;

    fn try_from(Entries { indices, values }: Entries) -> Result<Self, Error> {
        if indices.len() != values.len() {
            return Err(invalid("a sparse vector has another number of indices than of values"));
        }
        Self::try_new(indices.into_iter().zip(values))
    }
}

impl SparseVector {
    /// The vector of an answer, whatever the service takes, or `None` if it is empty.
    pub(super) fn of_answer(Entries { indices, values }: Entries) -> Option<Self> {
        (!indices.is_empty()).then_some(Self { indices, values })
    }

    /// A vector of indices and their values, which are sorted by index.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if there are none or more than 1,000, if an index comes
    /// twice or is above 2,147,483,647, or if a value is no finite number.
    pub fn try_new(entries: impl IntoIterator<Item = (u32, f32)>) -> Result<Self, Error> {
        let mut entries: Vec<(u32, f32)> = entries.into_iter().collect();
        entries.sort_unstable_by_key(|(index, _)| *index);
        if entries.is_empty() || entries.len() > MAX_ENTRIES {
            return Err(invalid("a sparse vector has 1 to 1,000 entries"));
        }
        if entries.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(invalid("a sparse vector has an index twice"));
        }
        if entries.iter().any(|(index, value)| i32::try_from(*index).is_err() || !value.is_finite()) {
            return Err(invalid("a sparse vector has an index above 2147483647, or a value that is no finite number"));
        }
        let (indices, values) = entries.into_iter().unzip();
        Ok(Self { indices, values })
    }

    /// The indices, in ascending order if [`try_new`](Self::try_new) made it.
    #[must_use]
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// The values, in the order of the indices.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}
