use crate::support::{Form, Stage, form};
use axum_upstash::redis::{
    Aggregate, Extreme, LexBound, Pairs, Redis, ScanOptions, ScoreBound, ZAddOptions, ZCombine, ZRange,
};

const LOW: ScoreBound = ScoreBound::Included(f64::NEG_INFINITY);
const HIGH: ScoreBound = ScoreBound::Excluded(5.0);

fn at(member: &str) -> LexBound {
    LexBound::Included(member.into())
}

pub fn forms(redis: &Redis) -> Vec<Form> {
    let weights = || ZCombine::new().weights([2.0, 0.5]).aggregate(Aggregate::Max);
    let options = ZAddOptions::new();
    vec![
        form(redis.zadd("k", options.clone(), [(1.0, "a"), (2.5, "b")]), "ZADD k 1 a 2.5 b"),
        form(
            redis.zadd("k", options.clone().if_present().only_higher().changed(), [(f64::INFINITY, "a")]),
            "ZADD k XX GT CH +inf a",
        ),
        form(redis.zadd_incr("k", options.if_absent(), 1.0, "a"), "ZADD k NX INCR 1 a"),
        form(redis.zcard("k"), "ZCARD k"),
        form(redis.zcount("k", LOW, HIGH), "ZCOUNT k -inf (5"),
        form(redis.zlexcount("k", LexBound::Min, LexBound::Excluded(b"m".to_vec())), "ZLEXCOUNT k - (m"),
        form(redis.zdiffstore("to", ["a", "b"]), "ZDIFFSTORE to 2 a b"),
        form(redis.zincrby("k", -1.5, "a"), "ZINCRBY k -1.5 a"),
        form(redis.zinterstore("to", ["a", "b"], ZCombine::new()), "ZINTERSTORE to 2 a b"),
        form(redis.zunionstore("to", ["a", "b"], weights()), "ZUNIONSTORE to 2 a b WEIGHTS 2 0.5 AGGREGATE MAX"),
        form(redis.zunion::<String>("a", ZCombine::new()), "ZUNION 1 a"),
        form(
            redis.zunion_with_scores::<String>(["a", "b"], weights()),
            "ZUNION 2 a b WEIGHTS 2 0.5 AGGREGATE MAX WITHSCORES",
        ),
        form(redis.zmscore("k", ["a", "b"]), "ZMSCORE k a b"),
        form(redis.zscore("k", "a"), "ZSCORE k a"),
        form(redis.zpopmax::<String>("k", 2), "ZPOPMAX k 2"),
        form(redis.zpopmin::<String>("k", 1), "ZPOPMIN k 1"),
        form(redis.zrange::<String>("k", ZRange::by_rank(0, -1)), "ZRANGE k 0 -1"),
        form(
            redis.zrange_with_scores::<String>("k", ZRange::by_score(LOW, HIGH).reversed().limit(1, 2)),
            "ZRANGE k (5 -inf BYSCORE REV LIMIT 1 2 WITHSCORES",
        ),
        form(redis.zrange::<String>("k", ZRange::by_lex(at("a"), LexBound::Max)), "ZRANGE k [a + BYLEX"),
        form(redis.zrangestore("to", "k", ZRange::by_rank(0, 1)), "ZRANGESTORE to k 0 1"),
        form(redis.zrank("k", "a"), "ZRANK k a"),
        form(redis.zrevrank("k", "a"), "ZREVRANK k a"),
        form(redis.zrem("k", ["a", "b"]), "ZREM k a b"),
        form(redis.zremrangebylex("k", LexBound::Min, at("b")), "ZREMRANGEBYLEX k - [b"),
        form(redis.zremrangebyrank("k", 0, 1), "ZREMRANGEBYRANK k 0 1"),
        form(redis.zremrangebyscore("k", LOW, HIGH), "ZREMRANGEBYSCORE k -inf (5"),
        form(redis.zscan::<String>("k", "0", ScanOptions::new()), "ZSCAN k 0"),
        form(redis.zdiff::<String>(["a", "b"]), "ZDIFF 2 a b"),
        form(redis.zdiff_with_scores::<String>(["a", "b"]), "ZDIFF 2 a b WITHSCORES"),
        form(redis.zinter::<String>(["a", "b"], ZCombine::new()), "ZINTER 2 a b"),
        form(redis.zinter_with_scores::<String>(["a", "b"], ZCombine::new()), "ZINTER 2 a b WITHSCORES"),
        form(redis.zintercard(["a", "b"], 3), "ZINTERCARD 2 a b LIMIT 3"),
        form(redis.zrandmember::<String>("k"), "ZRANDMEMBER k"),
        form(redis.zrandmember_many::<String>("k", 3), "ZRANDMEMBER k 3"),
        form(redis.zrandmember_with_scores::<String>("k", -3), "ZRANDMEMBER k -3 WITHSCORES"),
        form(redis.zmpop::<String>(["a", "b"], Extreme::Min, 2), "ZMPOP 2 a b MIN COUNT 2"),
        form(redis.zrevrange::<String>("k", 0, -1), "ZREVRANGE k 0 -1"),
        form(redis.zrangebyscore::<String>("k", LOW, HIGH), "ZRANGEBYSCORE k -inf (5"),
        form(redis.zrevrangebyscore::<String>("k", HIGH, LOW), "ZREVRANGEBYSCORE k (5 -inf"),
        form(redis.zrangebylex::<String>("k", LexBound::Min, LexBound::Max), "ZRANGEBYLEX k - +"),
        form(redis.zrevrangebylex::<String>("k", LexBound::Max, LexBound::Min), "ZREVRANGEBYLEX k + -"),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    let (a, b, to) = (stage.key("zset"), stage.key("zset"), stage.key("zset"));
    assert_eq!(redis.zadd(&a, ZAddOptions::new(), [(1.0, "x"), (2.0, "y"), (3.5, "z")]).await.unwrap(), 3);
    let higher = ZAddOptions::new().only_higher().changed();
    assert_eq!(redis.zadd(&a, higher, [(0.0, "x"), (9.0, "z")]).await.unwrap(), 1);
    assert_eq!(redis.zadd_incr(&a, ZAddOptions::new().if_absent(), 1.0, "x").await.unwrap(), None);
    assert_eq!(redis.zadd_incr(&a, ZAddOptions::new(), 0.5, "x").await.unwrap(), Some(1.5));
    assert!((redis.zincrby(&a, -0.5, "x").await.unwrap() - 1.0).abs() < f64::EPSILON);
    redis.zadd(&b, ZAddOptions::new(), [(10.0, "y"), (20.0, "w")]).await.unwrap();
    assert_eq!(redis.zcard(&a).await.unwrap(), 3);
    assert_eq!(redis.zcount(&a, LOW, HIGH).await.unwrap(), 2);
    assert_eq!(redis.zscore(&a, "none").await.unwrap(), None);
    assert_eq!(redis.zmscore(&a, ["x", "none"]).await.unwrap(), [Some(1.0), None]);
    assert_eq!((redis.zrank(&a, "z").await.unwrap(), redis.zrevrank(&a, "z").await.unwrap()), (Some(2), Some(0)));
    let Pairs(scored) = redis.zrange_with_scores::<String>(&a, ZRange::by_score(LOW, HIGH)).await.unwrap();
    assert_eq!(scored, [("x".to_owned(), 1.0), ("y".to_owned(), 2.0)]);
    let reversed = ZRange::by_score(LOW, HIGH).reversed().limit(0, 1);
    assert_eq!(redis.zrange::<String>(&a, reversed).await.unwrap(), ["y"]);
    assert_eq!(redis.zrevrange::<String>(&a, 0, 0).await.unwrap(), ["z"]);
    assert_eq!(redis.zrangebyscore::<String>(&a, LOW, HIGH).await.unwrap(), ["x", "y"]);
    assert_eq!(redis.zrevrangebyscore::<String>(&a, HIGH, LOW).await.unwrap(), ["y", "x"]);
    assert_eq!(redis.zunion::<String>([&a, &b], ZCombine::new()).await.unwrap(), ["x", "z", "y", "w"]);
    let Pairs(both) = redis
        .zinter_with_scores::<String>([&a, &b], ZCombine::new().weights([2.0, 1.0]).aggregate(Aggregate::Min))
        .await
        .unwrap();
    assert_eq!(both, [("y".to_owned(), 4.0)]);
    assert_eq!(redis.zinter::<String>([&a, &b], ZCombine::new()).await.unwrap(), ["y"]);
    assert_eq!(redis.zintercard([&a, &b], 0).await.unwrap(), 1);
    assert_eq!(redis.zdiff::<String>([&a, &b]).await.unwrap(), ["x", "z"]);
    assert_eq!(redis.zdiff_with_scores::<String>([&a, &b]).await.unwrap().0.len(), 2);
    assert_eq!(redis.zdiffstore(&to, [&a, &b]).await.unwrap(), 2);
    assert_eq!(redis.zinterstore(&to, [&a, &b], ZCombine::new()).await.unwrap(), 1);
    assert_eq!(redis.zunionstore(&to, [&a, &b], ZCombine::new()).await.unwrap(), 4);
    assert_eq!(redis.zunion_with_scores::<String>(&to, ZCombine::new()).await.unwrap().0.len(), 4);
    assert_eq!(redis.zrangestore(&to, &a, ZRange::by_rank(0, 1)).await.unwrap(), 2);
    assert!(redis.zrandmember::<Option<String>>(&a).await.unwrap().is_some());
    assert_eq!(redis.zrandmember_many::<String>(&a, -4).await.unwrap().len(), 4);
    assert_eq!(redis.zrandmember_with_scores::<String>(&a, 2).await.unwrap().0.len(), 2);
    let (cursor, Pairs(items)) = redis.zscan::<String>(&a, "0", ScanOptions::new()).await.unwrap();
    assert_eq!((cursor.as_str(), items.len()), ("0", 3));
    let popped = redis.zmpop::<String>([&stage.key("none"), &to], Extreme::Max, 1).await.unwrap();
    assert_eq!(popped, Some((to.clone(), vec![("y".to_owned(), 2.0)])));
    assert_eq!(redis.zpopmin::<String>(&a, 1).await.unwrap().0, [("x".to_owned(), 1.0)]);
    assert_eq!(redis.zpopmax::<String>(&a, 5).await.unwrap().0, [("z".to_owned(), 9.0), ("y".to_owned(), 2.0)]);
    assert_eq!(redis.zremrangebyscore(&b, LOW, ScoreBound::Included(10.0)).await.unwrap(), 1);
    assert_eq!(redis.zremrangebyrank(&b, 0, -1).await.unwrap(), 1);

    redis.zadd(&a, ZAddOptions::new(), ["a", "b", "c", "d"].map(|member| (0.0, member))).await.unwrap();
    assert_eq!(redis.zlexcount(&a, LexBound::Min, at("b")).await.unwrap(), 2);
    assert_eq!(
        redis.zrange::<String>(&a, ZRange::by_lex(at("c"), LexBound::Max).reversed()).await.unwrap(),
        ["d", "c"]
    );
    assert_eq!(redis.zrangebylex::<String>(&a, at("a"), LexBound::Excluded(b"b".to_vec())).await.unwrap(), ["a"]);
    assert_eq!(redis.zrevrangebylex::<String>(&a, LexBound::Max, at("d")).await.unwrap(), ["d"]);
    assert_eq!(redis.zremrangebylex(&a, at("a"), at("b")).await.unwrap(), 2);
    assert_eq!(redis.zrem(&a, ["c", "none"]).await.unwrap(), 1);
}
