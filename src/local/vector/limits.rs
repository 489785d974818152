/// The limits of an index: those of the pay-as-you-go plan ([Pricing](https://upstash.com/pricing/vector)).
///
/// ```
/// use axum_upstash::local::{LocalVector, LocalVectorLimits};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limits = LocalVectorLimits { daily_updates: Some(10_000), ..LocalVectorLimits::default() };
/// let vector = LocalVector::builder().limits(limits).start().await?;
/// # drop(vector);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalVectorLimits {
    /// The dimensions of a vector (3072).
    pub dimensions: usize,
    /// The sum of the dimensions of all vectors of an index (2,000,000,000).
    pub total_dimensions: u64,
    /// The bytes of ids, sparse vectors, metadata and data of an index (50 GB).
    pub total_bytes: u64,
    /// The namespaces of an index (10,000).
    pub namespaces: usize,
    /// The bytes of the metadata of a record (48 KB).
    pub metadata_bytes: usize,
    /// The bytes of the data of a record (1 MB).
    pub data_bytes: usize,
    /// The records of one request, and the ids (1,000).
    pub batch: usize,
    /// The results of a query (1,000).
    pub top_k: usize,
    /// The entries of a sparse vector (1,000).
    pub sparse_entries: usize,
    /// The bytes of an id (4,096).
    pub id_bytes: usize,
    /// The bytes of a filter (64 KiB).
    pub filter_bytes: usize,
    /// The values of an `IN` list of a filter (999).
    pub filter_values: usize,
    /// The resumable queries that are open at one time (1,000).
    pub resumable_queries: usize,
    /// The bytes of a request (64 MiB).
    pub request_bytes: usize,
    /// The queries of a day, from midnight to midnight in UTC.
    pub daily_queries: Option<u64>,
    /// The updates of a day, from midnight to midnight in UTC: each record that is written or deleted is one.
    pub daily_updates: Option<u64>,
}

impl Default for LocalVectorLimits {
    fn default() -> Self {
        Self {
            dimensions: 3072,
            total_dimensions: 2_000_000_000,
            total_bytes: 50_000_000_000,
            namespaces: 10_000,
            metadata_bytes: 48 * 1024,
            data_bytes: 1024 * 1024,
            batch: 1_000,
            top_k: 1_000,
            sparse_entries: 1_000,
            id_bytes: 4_096,
            filter_bytes: 64 * 1024,
            filter_values: 999,
            resumable_queries: 1_000,
            request_bytes: 64 * 1024 * 1024,
            daily_queries: None,
            daily_updates: None,
        }
    }
}
