use super::filter::has_null;
use crate::redis::{Cmd, ToArg};
use serde_json::{Map, Value, json};

/// Numbers about the documents that a filter finds, each under a name.
///
/// ```
/// use axum_upstash::redis::search::{Aggregation, Bucket, Metric};
///
/// let by_author = Aggregation::new()
///     .metric("cheapest", Metric::Min, "price")
///     .bucket("authors", Bucket::terms("author").size(3).with(Aggregation::new().metric("sum", Metric::Sum, "price")));
/// assert_eq!(
///     by_author.to_string(),
///     r#"{"authors":{"$aggs":{"sum":{"$sum":{"field":"price"}}},"$terms":{"field":"author","size":3}},"cheapest":{"$min":{"field":"price"}}}"#
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct Aggregation(Map<String, Value>, bool);

/// A number about a field, which has to be `FAST`.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::search::{Aggregation, Filter, Metric}};
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let prices = Aggregation::new().metric("mean", Metric::Avg, "price");
/// let result = upstash.redis().search_aggregate("films", Filter::new(), prices).await?;
/// println!("{:?}", result.and_then(|result| result.number("mean")));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Metric {
    /// The mean.
    Avg,
    /// The sum.
    Sum,
    /// The lowest.
    Min,
    /// The highest.
    Max,
    /// How many documents have the field.
    Count,
    /// About how many different values there are.
    Cardinality,
    /// Count, sum, lowest, highest and mean.
    Stats,
    /// The same with variance and standard deviation.
    ExtendedStats,
    /// The values below which these percentages are.
    Percentiles(Vec<f64>),
}

/// The documents in parts.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::search::{Aggregation, Bucket, Filter}};
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let by_genre = Aggregation::new().bucket("genres", Bucket::terms("genre").size(10));
/// let result = upstash.redis().search_aggregate("films", Filter::new(), by_genre).await?;
/// println!("{result:?}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Bucket {
    operator: &'static str,
    options: Map<String, Value>,
    inner: Option<Aggregation>,
}

impl Aggregation {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An aggregation that is JSON already. It has to be an object.
    pub fn raw(json: Value) -> Self {
        match json {
            Value::Object(fields) => Self(fields, false),
            _ => Self(Map::new(), true),
        }
    }

    /// A number about a field.
    pub fn metric(self, name: impl Into<String>, metric: Metric, field: impl Into<String>) -> Self {
        self.metric_or(name, metric, field, None)
    }

    /// Adds a metric with a number for documents without the field.
    pub fn metric_or(
        mut self,
        name: impl Into<String>,
        metric: Metric,
        field: impl Into<String>,
        missing: Option<f64>,
    ) -> Self {
        let mut options = Map::from_iter([("field".to_owned(), Value::from(field.into()))]);
        if let Some(missing) = missing {
            options.insert("missing".to_owned(), json!(missing));
        }
        let operator = match metric {
            Metric::Avg => "$avg",
            Metric::Sum => "$sum",
            Metric::Min => "$min",
            Metric::Max => "$max",
            Metric::Count => "$count",
            Metric::Cardinality => "$cardinality",
            Metric::Stats => "$stats",
            Metric::ExtendedStats => "$extendedStats",
            Metric::Percentiles(percents) => {
                options.insert("percents".to_owned(), json!(percents));
                "$percentiles"
            }
        };
        self.0.insert(name.into(), json!({ operator: options }));
        self
    }

    /// The documents in parts.
    pub fn bucket(mut self, name: impl Into<String>, bucket: Bucket) -> Self {
        let mut body = Map::from_iter([(bucket.operator.to_owned(), Value::Object(bucket.options))]);
        if let Some(Self(inner, invalid)) = bucket.inner {
            self.1 |= invalid;
            body.insert("$aggs".to_owned(), Value::Object(inner));
        }
        self.0.insert(name.into(), Value::Object(body));
        self
    }
}

impl Bucket {
    fn new(operator: &'static str, field: impl Into<String>) -> Self {
        let options = Map::from_iter([("field".to_owned(), Value::from(field.into()))]);
        Self { operator, options, inner: None }
    }

    /// `$terms`: one part for each of the most frequent values.
    pub fn terms(field: impl Into<String>) -> Self {
        Self::new("$terms", field)
    }

    /// `$range`: one part for each pair of bounds, from the first up to the second, which is not included.
    pub fn range(field: impl Into<String>, ranges: impl IntoIterator<Item = (Option<f64>, Option<f64>)>) -> Self {
        let ranges = ranges.into_iter().map(|(from, to)| {
            let ends = [("from", from), ("to", to)];
            ends.into_iter().filter_map(|(name, end)| Some((name.to_owned(), json!(end?)))).collect::<Map<_, _>>()
        });
        let ranges: Vec<_> = ranges.map(Value::Object).collect();
        Self::new("$range", field).option("ranges", ranges)
    }

    /// `$histogram`: parts of the same width.
    pub fn histogram(field: impl Into<String>, interval: f64) -> Self {
        Self::new("$histogram", field).option("interval", interval)
    }

    /// `$dateHistogram`: parts of the same time, such as `"1h"` or `"30d"`.
    pub fn date_histogram(field: impl Into<String>, interval: impl Into<String>) -> Self {
        Self::new("$dateHistogram", field).option("fixedInterval", interval.into())
    }

    /// `$facet`: one part for each path below this one. It has no parts of its own.
    pub fn facet(field: impl Into<String>, path: impl Into<String>) -> Self {
        Self::new("$facet", field).option("path", path.into())
    }

    /// `size`: at most so many parts.
    pub fn size(self, size: u32) -> Self {
        self.option("size", size)
    }

    /// `minDocCount`: only parts with so many documents.
    pub fn min_doc_count(self, count: u64) -> Self {
        self.option("minDocCount", count)
    }

    /// Any other option by its name, such as `offset`, `hardBounds` or `order`.
    pub fn option(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.options.insert(name.to_owned(), value.into());
        self
    }

    /// `$aggs`: numbers about each part.
    pub fn with(mut self, inner: Aggregation) -> Self {
        self.inner = Some(inner);
        self
    }
}

/// The JSON.
impl std::fmt::Display for Aggregation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).unwrap_or_default())
    }
}

impl ToArg for Aggregation {
    fn write(&self, cmd: &mut Cmd) {
        // serde_json writes null for a number that is none.
        if self.1 || self.0.values().any(has_null) {
            cmd.refuse("a value of the aggregation cannot be written as JSON");
        }
        self.to_string().write(cmd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_is_refused() {
        let inner = Aggregation::raw(json!(1));
        for aggregation in [
            Aggregation::raw(json!([])),
            Aggregation::new().metric_or("m", Metric::Avg, "f", Some(f64::NAN)),
            Aggregation::new().metric("m", Metric::Percentiles(vec![f64::NAN]), "f"),
            Aggregation::new().bucket("b", Bucket::histogram("f", f64::INFINITY)),
            Aggregation::new().bucket("b", Bucket::terms("f").with(inner)),
        ] {
            assert!(Cmd::new("SEARCH.AGGREGATE").arg(&aggregation).refused().is_some(), "{aggregation:?}");
        }
    }
}
