use crate::redis::{Cmd, ToArg};

/// The type of the keys that an index covers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexOf {
    /// JSON documents. Fields inside others have names with dots.
    Json,
    /// Hashes.
    Hash,
    /// Strings that are JSON.
    String,
    /// The entries of one stream; the key of each is its id.
    Stream(String),
}

/// The language of text, by whose rules words are reduced to their stems.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::search::{Index, IndexOf, Language, Schema}};
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let index = Index::new(IndexOf::Json, ["film:"], Schema::new().text("title")).language(Language::Swedish);
/// upstash.redis().search_create("films", index).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[allow(missing_docs, reason = "they are the names of languages")]
pub enum Language {
    Arabic,
    Danish,
    Dutch,
    #[default]
    English,
    Finnish,
    French,
    German,
    Greek,
    Hungarian,
    Italian,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
}

/// An index to be made.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::search::{Index, IndexOf, Language, Schema}};
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let index = Index::new(IndexOf::Json, ["film:"], Schema::new().text("title")).language(Language::German);
/// upstash.redis().search_create("films", index).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Index {
    of: IndexOf,
    prefixes: Vec<String>,
    schema: Schema,
    language: Option<Language>,
    skip_initial_scan: bool,
    exists_ok: bool,
}

impl Index {
    /// An index of what is under these prefixes, none of which may begin with another.
    pub fn new(of: IndexOf, prefixes: impl IntoIterator<Item = impl Into<String>>, schema: Schema) -> Self {
        let prefixes = prefixes.into_iter().map(Into::into).collect();
        Self { of, prefixes, schema, language: None, skip_initial_scan: false, exists_ok: false }
    }

    /// An index of a stream's entries.
    pub fn of_stream(key: impl Into<String>, schema: Schema) -> Self {
        Self::new(IndexOf::Stream(key.into()), [""; 0], schema)
    }

    /// `LANGUAGE`: that of all text (English).
    pub fn language(mut self, language: Language) -> Self {
        self.language = Some(language);
        self
    }

    /// `SKIPINITIALSCAN`: leaves existing keys unindexed.
    pub fn skip_initial_scan(mut self) -> Self {
        self.skip_initial_scan = true;
        self
    }

    /// `EXISTSOK`: no error if the same index exists.
    pub fn exists_ok(mut self) -> Self {
        self.exists_ok = true;
        self
    }
}

impl ToArg for Index {
    fn write(&self, cmd: &mut Cmd) {
        self.skip_initial_scan.then_some("SKIPINITIALSCAN").write(cmd);
        self.exists_ok.then_some("EXISTSOK").write(cmd);
        match &self.of {
            IndexOf::Json => ("ON", "JSON").write(cmd),
            IndexOf::Hash => ("ON", "HASH").write(cmd),
            IndexOf::String => ("ON", "STRING").write(cmd),
            IndexOf::Stream(key) => (("ON", "STREAM"), key).write(cmd),
        }
        if !matches!(self.of, IndexOf::Stream(_)) {
            (("PREFIX", self.prefixes.len()), &self.prefixes).write(cmd);
        }
        // A language's name is the value's own, in small letters.
        self.language.map(|language| ("LANGUAGE", format!("{language:?}").to_lowercase())).write(cmd);
        "SCHEMA".write(cmd);
        self.schema.words.write(cmd);
    }
}

/// The fields of an index.
///
/// Options are for the field that was added last: `Schema::new().text("title").no_stem()`.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::search::{Index, IndexOf, Schema}};
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let schema = Schema::new().text("title").f64("price").fast();
/// upstash.redis().search_create("films", Index::new(IndexOf::Hash, ["film:"], schema).exists_ok()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Schema {
    words: Vec<String>,
}

/// One field type for each line.
macro_rules! fields {
    ($($(#[$meta:meta])* $method:ident = $word:literal,)*) => {$(
        $(#[$meta])*
        pub fn $method(self, name: impl Into<String>) -> Self {
            self.field(name.into(), $word)
        }
    )*};
}

impl Schema {
    /// No field yet.
    pub fn new() -> Self {
        Self::default()
    }

    fields! {
        /// `TEXT`: words, reduced to their stems.
        text = "TEXT",
        /// `KEYWORD`: compared as a whole.
        keyword = "KEYWORD",
        /// `BOOL`.
        bool = "BOOL",
        /// `DATE`, as of RFC 3339.
        date = "DATE",
        /// `FACET`: paths such as `/books/rust`.
        facet = "FACET",
        /// `U64`, without `FAST`.
        u64_plain = "U64",
        /// `I64`, without `FAST`.
        i64_plain = "I64",
        /// `F64`, without `FAST`.
        f64_plain = "F64",
        /// `HYBRID`: text that is also found by its meaning.
        hybrid = "HYBRID",
    }

    /// `U64 FAST`: a number that can be sorted and aggregated by.
    pub fn u64(self, name: impl Into<String>) -> Self {
        self.u64_plain(name).fast()
    }

    /// `I64 FAST`: a number that can be sorted and aggregated by.
    pub fn i64(self, name: impl Into<String>) -> Self {
        self.i64_plain(name).fast()
    }

    /// `F64 FAST`: a number that can be sorted and aggregated by.
    pub fn f64(self, name: impl Into<String>) -> Self {
        self.f64_plain(name).fast()
    }

    /// `FAST`: the last field can be sorted and aggregated by. For numbers, `BOOL`, `DATE` and `KEYWORD`.
    pub fn fast(self) -> Self {
        self.option("FAST")
    }

    /// `NOTOKENIZE`: the last field, a text, is one word.
    pub fn no_tokenize(self) -> Self {
        self.option("NOTOKENIZE")
    }

    /// `NOSTEM`: the last field's words are not reduced to their stems.
    pub fn no_stem(self) -> Self {
        self.option("NOSTEM")
    }

    /// `FROM`: the last field's values are under another name.
    pub fn from(mut self, source: impl Into<String>) -> Self {
        self.words.extend(["FROM".to_owned(), source.into()]);
        self
    }

    fn field(mut self, name: String, word: &str) -> Self {
        self.words.extend([name, word.to_owned()]);
        self
    }

    fn option(mut self, word: &str) -> Self {
        self.words.push(word.to_owned());
        self
    }
}
