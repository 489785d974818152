use serde_json::value::RawValue;

use super::fields::Fields;
use crate::local::vector::{
    filter::{Filter, parse},
    limits::LocalVectorLimits,
    refusal::Refusal,
    score::{Fusion, SparseVector, Weighting},
};

/// A query as it is asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) dense: Option<Vec<f32>>,
    pub(crate) sparse: Option<SparseVector>,
    /// The text that vectors are made of, and the halves of a hybrid index that it is for.
    pub(crate) text: Option<(String, Halves)>,
    pub(crate) count: usize,
    pub(crate) include: Include,
    pub(crate) filter: Filter,
    /// The bytes of the filter.
    pub(crate) filter_bytes: usize,
    pub(crate) weighting: Weighting,
    pub(crate) fusion: Fusion,
}

/// The parts of records that an answer has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Include {
    pub(crate) vectors: bool,
    pub(crate) metadata: bool,
    pub(crate) data: bool,
}

/// The halves of a hybrid index that a text is embedded for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Halves {
    #[default]
    Both,
    Dense,
    Sparse,
}

const DEFAULT_COUNT: u64 = 10;

impl Include {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            vectors: fields.flag("includeVectors")?,
            metadata: fields.flag("includeMetadata")?,
            data: fields.flag("includeData")?,
        })
    }
}

/// A filter of a request.
pub(super) fn filter(text: &str, limits: &LocalVectorLimits) -> Result<Filter, Refusal> {
    let (bytes, most) = (text.len(), limits.filter_bytes);
    if bytes > most {
        return Err(Refusal::unprocessable(format!("Exceeded max filter size: {bytes} bytes, limit: {most} bytes")));
    }
    parse(text, limits.filter_values).map_err(|error| Refusal::unprocessable(error.to_string()))
}

/// A number of records, from 1 to the limit.
pub(super) fn count(count: u64, name: &str, limits: &LocalVectorLimits) -> Result<usize, Refusal> {
    let most = limits.top_k;
    let found = usize::try_from(count).ok().filter(|count| (1..=most).contains(count));
    found.ok_or_else(|| Refusal::unprocessable(format!("{name} must be from 1 to {most}")))
}

pub(super) fn read(fields: &mut Fields<'_>, is_text: bool, limits: &LocalVectorLimits) -> Result<Asked, Refusal> {
    let text = if is_text {
        let text = fields.data(limits.data_bytes)?.ok_or_else(|| Refusal::unprocessable("data is missing"))?;
        let modes = [("HYBRID", Halves::Both), ("DENSE", Halves::Dense), ("SPARSE", Halves::Sparse)];
        Some((text, fields.choice("queryMode", &modes)?.unwrap_or_default()))
    } else {
        None
    };
    let fusions = [("RRF", Fusion::ReciprocalRank), ("DBSF", Fusion::DistributionBased)];
    let filter_text = fields.text("filter")?.unwrap_or_default();
    let asked = Asked {
        dense: fields.vector()?,
        sparse: fields.sparse_vector(limits.sparse_entries)?,
        text,
        count: count(fields.count("topK")?.unwrap_or(DEFAULT_COUNT), "topK", limits)?,
        include: Include::read(fields)?,
        filter: filter(&filter_text, limits)?,
        filter_bytes: filter_text.len(),
        weighting: fields.choice("weightingStrategy", &[("IDF", Weighting::Idf)])?.unwrap_or_default(),
        fusion: fields.choice("fusionAlgorithm", &fusions)?.unwrap_or_default(),
    };
    if is_text && (asked.dense.is_some() || asked.sparse.is_some()) {
        return Err(Refusal::unprocessable("data and vectors exclude each other here"));
    }
    Ok(asked)
}

pub(super) fn query(json: &RawValue, is_text: bool, limits: &LocalVectorLimits) -> Result<Asked, Refusal> {
    let mut fields = Fields::of(json)?;
    let asked = read(&mut fields, is_text, limits)?;
    fields.finish()?;
    Ok(asked)
}
