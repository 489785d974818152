use crate::support::{Form, Stage, form};
use axum_upstash::{
    ErrorKind,
    redis::{
        Redis,
        search::{
            Aggregation, Bucket, Combine, Filter, Highlight, Index, IndexOf, Language, Metric, Modifier, Query, Schema,
            Score,
        },
    },
};

pub fn forms(redis: &Redis) -> Vec<Form> {
    let schema =
        Schema::new().text("title").no_stem().no_tokenize().f64("price").keyword("author").from("by").date("at");
    let query = || Query::new().limit(5).offset(10);
    let filter = || Filter::new().eq("a", 1);
    let score = Score::field("likes").modifier(Modifier::Log1p).factor(2.0).missing(1.0).with_text(Combine::Sum);
    vec![
        form(
            redis.search_create("i", Index::new(IndexOf::Json, ["a:", "b:"], schema)),
            "SEARCH.CREATE i ON JSON PREFIX 2 a: b: SCHEMA title TEXT NOSTEM NOTOKENIZE price F64 FAST \
             author KEYWORD FROM by at DATE",
        ),
        form(
            redis.search_create(
                "i",
                Index::of_stream("s", Schema::new().u64("n").bool("b").fast().facet("f"))
                    .language(Language::Turkish)
                    .skip_initial_scan()
                    .exists_ok(),
            ),
            "SEARCH.CREATE i SKIPINITIALSCAN EXISTSOK ON STREAM s LANGUAGE turkish SCHEMA n U64 FAST b BOOL FAST f FACET",
        ),
        form(redis.search_query("i", Filter::new(), Query::new()), "SEARCH.QUERY i {}"),
        form(
            redis.search_query("i", filter(), query().order_by_asc("price").no_content()),
            r#"SEARCH.QUERY i {"a":{"$eq":1}} LIMIT 5 OFFSET 10 NOCONTENT ORDERBY price ASC"#,
        ),
        form(
            redis.search_query(
                "i",
                filter(),
                Query::new().score(score).highlight(Highlight::new(["t"]).tags("<b>", "</b>")).select(["t", "p"]),
            ),
            "SEARCH.QUERY i {\"a\":{\"$eq\":1}} SCOREFUNC COMBINEMODE multiply SCOREMODE sum FIELDVALUE likes \
             MODIFIER log1p FACTOR 2 MISSING 1 HIGHLIGHT FIELDS 1 t TAGS <b> </b> SELECT 2 t p",
        ),
        form(
            redis.search_query("i", filter(), Query::new().select([""; 0])),
            r#"SEARCH.QUERY i {"a":{"$eq":1}} NOCONTENT"#,
        ),
        form(
            redis.search_aggregate(
                "i",
                Filter::new(),
                Aggregation::new().bucket("p", Bucket::range("price", [(None, Some(10.0)), (Some(10.0), None)])),
            ),
            r#"SEARCH.AGGREGATE i {} {"p":{"$range":{"field":"price","ranges":[{"to":10.0},{"from":10.0}]}}}"#,
        ),
        form(
            redis.search_aggregate(
                "i",
                Filter::new(),
                Aggregation::new().metric("m", Metric::Percentiles(vec![50.0]), "price"),
            ),
            r#"SEARCH.AGGREGATE i {} {"m":{"$percentiles":{"field":"price","percents":[50.0]}}}"#,
        ),
        form(redis.search_count("i", filter()), r#"SEARCH.COUNT i {"a":{"$eq":1}}"#),
        form(redis.search_describe("i"), "SEARCH.DESCRIBE i"),
        form(redis.search_drop("i"), "SEARCH.DROP i"),
        form(redis.search_wait_indexing("i"), "SEARCH.WAITINDEXING i"),
        form(redis.search_reindex("i"), "SEARCH.REINDEX i"),
        form(redis.search_listindexes("*"), "SEARCH.LISTINDEXES MATCH *"),
        form(redis.search_aliasadd("other", "i"), "SEARCH.ALIASADD other i"),
        form(redis.search_aliasdel("other"), "SEARCH.ALIASDEL other"),
        form(redis.search_listaliases(), "SEARCH.LISTALIASES"),
    ]
}

/// No server that can be had here knows it; the shapes of the replies are tested beside their types.
pub async fn run(stage: &Stage) {
    let error = stage.redis.search_count("none", Filter::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let error = stage.redis.search_count("none", Filter::new().boost(f64::NAN)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
