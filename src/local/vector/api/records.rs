//! The records of upserts and updates.

use serde_json::value::RawValue;

use super::fields::Fields;
use crate::local::vector::{
    limits::LocalVectorLimits,
    refusal::Refusal,
    store::{Change, NewRecord},
};

/// How a record is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Vectors,
    /// Its vectors are made of its data.
    Text,
}

pub(super) fn record(json: &RawValue, content: Content, limits: &LocalVectorLimits) -> Result<NewRecord, Refusal> {
    let mut fields = Fields::of(json)?;
    let record = read(&mut fields, limits)?;
    if content == Content::Text {
        if record.data.is_none() {
            return Err(Refusal::unprocessable("data is missing"));
        }
        if record.dense.is_some() || record.sparse.is_some() {
            return Err(Refusal::unprocessable("data and vectors exclude each other here"));
        }
    }
    fields.finish()?;
    Ok(record)
}

pub(super) fn change(json: &RawValue, limits: &LocalVectorLimits) -> Result<Change, Refusal> {
    let mut fields = Fields::of(json)?;
    let new = read(&mut fields, limits)?;
    let modes = [("OVERWRITE", false), ("PATCH", true)];
    let is_patch = fields.choice("metadataUpdateMode", &modes)?.unwrap_or(false);
    fields.finish()?;
    if new.dense.is_none() && new.sparse.is_none() && new.metadata.is_none() && new.data.is_none() {
        return Err(Refusal::unprocessable("one of vector, sparseVector, data and metadata must be given"));
    }
    Ok(Change { new, is_patch })
}

fn read(fields: &mut Fields<'_>, limits: &LocalVectorLimits) -> Result<NewRecord, Refusal> {
    Ok(NewRecord {
        id: fields.id(limits.id_bytes)?,
        dense: fields.vector()?,
        sparse: fields.sparse_vector(limits.sparse_entries)?,
        metadata: fields.metadata(limits.metadata_bytes)?,
        data: fields.data(limits.data_bytes)?,
    })
}
