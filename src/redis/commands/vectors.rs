use super::{commands, keyword_enums::words};
use crate::redis::{Cmd, FromReply, Pairs, Reply, ReplyTypeError, ToArg};
use base64::{Engine, engine::general_purpose::STANDARD};

words! {
    /// The distance between two vectors.
    ///
    /// ```no_run
    /// use axum_upstash::{Error, Upstash, redis::VectorMetric};
    ///
    /// # async fn run(upstash: &Upstash) -> Result<(), Error> {
    /// let redis = upstash.redis();
    /// redis.vector_create("films", 3, VectorMetric::Cosine).await?;
    /// let hits = redis.vector_query("films", 10, &[0.1, 0.2, 0.3]).await?;
    /// println!("{} hits", hits.0.len());
    /// # Ok(())
    /// # }
    /// ```
    pub enum VectorMetric {
        /// The angle between them.
        Cosine = "COSINE",
        /// The distance.
        Euclidean = "EUCLIDEAN",
        /// The dot product.
        Dot = "DOT",
    }
}

words! {
    /// The trade of precision for speed.
    pub enum VectorProfile {
        /// The quickest.
        Fast = "FAST",
        /// In between.
        Balanced = "BALANCED",
        /// The most exact.
        Precise = "PRECISE",
    }
}

/// A vector as an argument: `BASE64-FP32`, the little-endian bytes of its numbers. It is exact, and less than half as
/// long as the numbers in text.
struct Fp32<'a>(&'a [f32]);

impl ToArg for Fp32<'_> {
    fn write(&self, cmd: &mut Cmd) {
        let bytes: Vec<u8> = self.0.iter().flat_map(|number| number.to_le_bytes()).collect();
        cmd.push(b"BASE64-FP32");
        cmd.push(STANDARD.encode(bytes).as_bytes());
    }
}

/// A vector that a query found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct VectorHit {
    /// Its id.
    pub id: String,
    /// The similarity, from 0 to 1.
    pub score: f64,
}

/// Hits come as pairs in a row, or as a pair each.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorHits(pub Vec<VectorHit>);

impl FromReply for VectorHits {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let nested = matches!(&reply, Reply::Array(items) if matches!(items.first(), Some(Reply::Array(_))));
        let pairs: Vec<(String, f64)> =
            if nested { Vec::from_reply(reply)? } else { Pairs::from_reply(reply).map(|Pairs(pairs)| pairs)? };
        Ok(Self(pairs.into_iter().map(|(id, score)| VectorHit { id, score }).collect()))
    }
}

/// The properties of an index of vectors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct VectorInfo {
    /// The number of dimensions of each vector.
    pub dimension: u64,
    /// The metric's name.
    pub metric: String,
}

impl FromReply for VectorInfo {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let mut info = Self::default();
        for (name, value) in Pairs::<String, Reply>::from_reply(reply)?.0 {
            match name.to_ascii_lowercase().as_str() {
                "dimension" | "dim" => info.dimension = u64::from_reply(value)?,
                "metric" => info.metric = String::from_reply(value)?,
                _ => {}
            }
        }
        Ok(info)
    }
}

commands! {
    /// `VECTOR.CREATE`: makes an index of vectors of 1 to 32768 numbers; an error if there is one.
    write "VECTOR.CREATE" vector_create(key: impl ToArg, dimension: u32, metric: VectorMetric) -> bool {
        |cmd| cmd.key(key).arg("DIM").arg(dimension).arg("METRIC").arg(metric)
    }

    /// `VECTOR.CREATE … EXISTSOK`: `false` if there is one already.
    write "VECTOR.CREATE" vector_create_if_absent(key: impl ToArg, dimension: u32, metric: VectorMetric) -> bool {
        |cmd| cmd.key(key).arg("DIM").arg(dimension).arg("METRIC").arg(metric).arg("EXISTSOK")
    }

    /// `VECTOR.ADD`: says whether the id is new; one that is there gets this vector.
    write "VECTOR.ADD" vector_add(key: impl ToArg, id: impl ToArg, vector: &[f32]) -> bool {
        |cmd| cmd.key(key).arg(id).arg(Fp32(vector))
    }

    /// `VECTOR.QUERY`: the `top_k` (1 to 1000) vectors that are nearest.
    read "VECTOR.QUERY" vector_query(key: impl ToArg, top_k: u32, vector: &[f32]) -> VectorHits {
        |cmd| cmd.key(key).arg("TOPK").arg(top_k).arg(Fp32(vector))
    }

    /// `VECTOR.QUERY … PROFILE`: the same, quicker or more exact.
    read "VECTOR.QUERY" vector_query_with(
        key: impl ToArg, top_k: u32, profile: VectorProfile, vector: &[f32],
    ) -> VectorHits {
        |cmd| cmd.key(key).arg("TOPK").arg(top_k).arg("PROFILE").arg(profile).arg(Fp32(vector))
    }

    /// `VECTOR.GET`: the vector of an id, or nil.
    read "VECTOR.GET" vector_get(key: impl ToArg, id: impl ToArg) -> Option<Vec<f64>> {
        |cmd| cmd.key(key).arg(id)
    }

    /// `VECTOR.DEL`: says whether there was such an id.
    write "VECTOR.DEL" vector_del(key: impl ToArg, id: impl ToArg) -> bool {
        |cmd| cmd.key(key).arg(id)
    }

    /// `VECTOR.COUNT`: how many vectors there are.
    read "VECTOR.COUNT" vector_count(key: impl ToArg) -> u64 {
        |cmd| cmd.key(key)
    }

    /// `VECTOR.INFO`: the properties of the index, or nil.
    read "VECTOR.INFO" vector_info(key: impl ToArg) -> Option<VectorInfo> {
        |cmd| cmd.key(key)
    }

    /// `VECTOR.DROP`: says whether there was such an index.
    write "VECTOR.DROP" vector_drop(key: impl ToArg) -> bool {
        |cmd| cmd.key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &'static str) -> Reply {
        Reply::Bulk(text.into())
    }

    #[test]
    fn hits_are_read_in_both_forms() {
        let flat = Reply::Array(vec![bulk("a"), bulk("0.9"), bulk("b"), bulk("0.5")]);
        let nested =
            Reply::Array(vec![Reply::Array(vec![bulk("a"), bulk("0.9")]), Reply::Array(vec![bulk("b"), bulk("0.5")])]);
        let VectorHits(hits) = VectorHits::from_reply(flat).unwrap();
        assert_eq!(hits[1], VectorHit { id: "b".into(), score: 0.5 });
        assert_eq!(VectorHits::from_reply(nested).unwrap().0, hits);
        assert_eq!(VectorHits::from_reply(Reply::Array(vec![])).unwrap().0, []);
    }
}
