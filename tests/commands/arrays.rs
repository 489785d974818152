use crate::support::{Form, Stage, form};
use axum_upstash::{
    ErrorKind,
    redis::{ArGrep, ArMatch, ArOp, Redis},
};

pub fn forms(redis: &Redis) -> Vec<Form> {
    vec![
        form(redis.arset("k", 5, ["a", "b"]), "ARSET k 5 a b"),
        form(redis.armset("k", [(1, "a"), (9, "b")]), "ARMSET k 1 a 9 b"),
        form(redis.arget::<String>("k", u64::MAX - 1), "ARGET k 18446744073709551614"),
        form(redis.armget::<String>("k", &[1, 2]), "ARMGET k 1 2"),
        form(redis.argetrange::<String>("k", 9, 0), "ARGETRANGE k 9 0"),
        form(redis.arscan::<String>("k", 0, 9, Some(2)), "ARSCAN k 0 9 LIMIT 2"),
        form(redis.argrep("k", ArGrep::new(ArMatch::Exact, "a")), "ARGREP k - + EXACT a"),
        form(
            redis.argrep_with_values::<String>(
                "k",
                ArGrep::new(ArMatch::Glob, "a*").or(ArMatch::Regex, "b+").all().no_case().limit(3).between(1, 2),
            ),
            "ARGREP k 1 2 GLOB a* RE b+ AND NOCASE WITHVALUES LIMIT 3",
        ),
        form(
            redis.argrep("k", ArGrep::new(ArMatch::Contains, "a").or(ArMatch::Contains, "b")),
            "ARGREP k - + MATCH a MATCH b OR",
        ),
        form(redis.arop::<Option<i64>>("k", 0, 9, ArOp::Sum), "AROP k 0 9 SUM"),
        form(redis.arop::<Option<i64>>("k", 0, 9, ArOp::Match(b"x".to_vec())), "AROP k 0 9 MATCH x"),
        form(redis.arinsert("k", ["a", "b"]), "ARINSERT k a b"),
        form(redis.arring("k", 10, "a"), "ARRING k 10 a"),
        form(redis.arlastitems::<String>("k", 3), "ARLASTITEMS k 3"),
        form(redis.arlastitems_rev::<String>("k", 3), "ARLASTITEMS k 3 REV"),
        form(redis.arnext("k"), "ARNEXT k"),
        form(redis.arseek("k", 7), "ARSEEK k 7"),
        form(redis.arlen("k"), "ARLEN k"),
        form(redis.arcount("k"), "ARCOUNT k"),
        form(redis.ardel("k", &[1, 2]), "ARDEL k 1 2"),
        form(redis.ardelrange("k", &[(1, 2), (5, 9)]), "ARDELRANGE k 1 2 5 9"),
        form(redis.arinfo("k"), "ARINFO k"),
        form(redis.arinfo_full("k"), "ARINFO k FULL"),
    ]
}

/// No server that can be had here knows them; the shapes of the replies are tested beside their types.
pub async fn run(stage: &Stage) {
    assert_eq!(stage.redis.arlen("none").await.unwrap_err().kind(), ErrorKind::Refused);
}
