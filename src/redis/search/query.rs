use super::Score;
use crate::redis::{Cmd, ToArg};

/// Which hits a query gives, in which order and with what.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::search::{Filter, Query}};
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let query = Query::new().limit(10).order_by_desc("price").select(["title"]);
/// let hits = upstash.redis().search_query("films", Filter::new(), query).await?;
/// println!("{} hits", hits.unwrap_or_default().len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Query {
    limit: Option<u32>,
    offset: Option<u32>,
    order: Option<Order>,
    content: Content,
}

#[derive(Debug, Clone)]
enum Order {
    Field(String, &'static str),
    Score(Score),
}

#[derive(Debug, Clone, Default)]
enum Content {
    #[default]
    All,
    None,
    Some {
        highlight: Option<Highlight>,
        select: Vec<String>,
    },
}

/// Fields whose matches are marked.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::search::{Filter, Highlight, Query}};
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let query = Query::new().highlight(Highlight::new(["title"]).tags("<b>", "</b>"));
/// println!("{:?}", upstash.redis().search_query("films", Filter::new(), query).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Highlight {
    fields: Vec<String>,
    tags: Option<(String, String)>,
}

impl Highlight {
    /// Marks the matches in these fields, which are called as in the schema.
    pub fn new(fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { fields: fields.into_iter().map(Into::into).collect(), tags: None }
    }

    /// `TAGS`: the text before and after each match.
    pub fn tags(mut self, before: impl Into<String>, behind: impl Into<String>) -> Self {
        self.tags = Some((before.into(), behind.into()));
        self
    }
}

impl Query {
    /// The ten best hits, with all that they have.
    pub fn new() -> Self {
        Self::default()
    }

    /// `LIMIT`: at most so many, 1 to 1000 (10).
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// `OFFSET`: without the first so many, at most 10 000.
    pub fn offset(mut self, offset: u32) -> Self {
        self.offset = Some(offset);
        self
    }

    /// `ORDERBY … ASC`: the lowest first. The score of a hit is then this field's value.
    pub fn order_by_asc(mut self, field: impl Into<String>) -> Self {
        self.order = Some(Order::Field(field.into(), "ASC"));
        self
    }

    /// `ORDERBY … DESC`: the highest first. The score of a hit is then this field's value.
    pub fn order_by_desc(mut self, field: impl Into<String>) -> Self {
        self.order = Some(Order::Field(field.into(), "DESC"));
        self
    }

    /// `SCOREFUNC`: scores from numbers of the documents, instead of an order by a field.
    pub fn score(mut self, score: Score) -> Self {
        self.order = Some(Order::Score(score));
        self
    }

    /// `NOCONTENT`: keys and scores alone. Transactions and scripts know no other.
    pub fn no_content(mut self) -> Self {
        self.content = Content::None;
        self
    }

    /// `HIGHLIGHT`: marks the matches.
    pub fn highlight(mut self, highlight: Highlight) -> Self {
        let select = match self.content {
            Content::Some { select, .. } => select,
            _ => Vec::new(),
        };
        self.content = Content::Some { highlight: Some(highlight), select };
        self
    }

    /// `SELECT`: only these fields, which are called as in the documents.
    pub fn select(mut self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let select: Vec<_> = fields.into_iter().map(Into::into).collect();
        self.content = match self.content {
            Content::Some { highlight, .. } => Content::Some { highlight, select },
            // Of no field there is nothing to give.
            _ if select.is_empty() => Content::None,
            _ => Content::Some { highlight: None, select },
        };
        self
    }
}

impl ToArg for Query {
    fn write(&self, cmd: &mut Cmd) {
        self.limit.map(|limit| ("LIMIT", limit)).write(cmd);
        self.offset.map(|offset| ("OFFSET", offset)).write(cmd);
        if matches!(self.content, Content::None) {
            "NOCONTENT".write(cmd);
        }
        match &self.order {
            Some(Order::Field(field, direction)) => (("ORDERBY", field), direction).write(cmd),
            Some(Order::Score(score)) => score.write(cmd),
            None => {}
        }
        if let Content::Some { highlight, select } = &self.content {
            if let Some(Highlight { fields, tags }) = highlight {
                (("HIGHLIGHT", "FIELDS"), (fields.len(), fields)).write(cmd);
                tags.as_ref().map(|tags| ("TAGS", tags)).write(cmd);
            }
            if !select.is_empty() {
                (("SELECT", select.len()), select).write(cmd);
            }
        }
    }
}
