/// The function by which a dense index compares vectors
/// ([Similarity functions](https://upstash.com/docs/vector/features/similarityfunctions)).
///
/// ```
/// use axum_upstash::local::{LocalVectorIndex, LocalVectorSimilarity};
///
/// let index = LocalVectorIndex::dense("pictures", 512).similarity(LocalVectorSimilarity::Euclidean);
/// # drop(index);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Similarity {
    /// `(1 + cos) / 2`. The score of a vector of zeros is 0.5.
    #[default]
    Cosine,
    /// `1 / (1 + d²)`, with the distance `d`.
    Euclidean,
    /// `(1 + a·b) / 2`, for vectors of length 1.
    DotProduct,
}

impl Similarity {
    /// The name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cosine => "COSINE",
            Self::Euclidean => "EUCLIDEAN",
            Self::DotProduct => "DOT_PRODUCT",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::Cosine, Self::Euclidean, Self::DotProduct].into_iter().find(|similarity| similarity.name() == name)
    }
}
