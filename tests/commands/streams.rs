use crate::support::{Form, Stage, form};
use axum_upstash::redis::{
    EntryDeletion, Redis, References, StreamReads, TrimOptions, XAddOptions, XClaimOptions, XGroupCreate, XPending,
};
use std::time::{Duration, UNIX_EPOCH};

const SECOND: Duration = Duration::from_secs(1);

pub fn forms(redis: &Redis) -> Vec<Form> {
    let trim = TrimOptions::max_len(100).limit(5);
    let claim = || XClaimOptions::new().idle(Duration::ZERO).retry_count(0).force().last_id("1-0");
    vec![
        form(redis.xadd("k", "*", [("f", 1), ("f", 2)], XAddOptions::new()), "XADD k * f 1 f 2"),
        form(
            redis.xadd("k", "1-1", [("f", "v")], XAddOptions::new().no_make_stream().trim(trim.clone())),
            "XADD k NOMKSTREAM MAXLEN ~ 100 LIMIT 5 1-1 f v",
        ),
        form(redis.xlen("k"), "XLEN k"),
        form(redis.xdel("k", ["1-1", "1-2"]), "XDEL k 1-1 1-2"),
        form(redis.xtrim("k", TrimOptions::max_len(0)), "XTRIM k MAXLEN 0"),
        form(redis.xtrim("k", TrimOptions::min_id("5-0").approximate()), "XTRIM k MINID ~ 5-0"),
        form(redis.xrange::<String>("k", "-", "+"), "XRANGE k - +"),
        form(redis.xrange_count::<String>("k", "-", "+", 2), "XRANGE k - + COUNT 2"),
        form(redis.xrevrange::<String>("k", "+", "-"), "XREVRANGE k + -"),
        form(redis.xrevrange_count::<String>("k", "+", "-", 2), "XREVRANGE k + - COUNT 2"),
        form(redis.xread::<String>([("a", "0"), ("b", "$")], Some(3)), "XREAD COUNT 3 STREAMS a b 0 $"),
        form(
            redis.xgroup_create("k", "g", XGroupCreate::from_id("$").make_stream().entries_read(0)),
            "XGROUP CREATE k g $ MKSTREAM ENTRIESREAD 0",
        ),
        form(redis.xgroup_createconsumer("k", "g", "c"), "XGROUP CREATECONSUMER k g c"),
        form(redis.xgroup_delconsumer("k", "g", "c"), "XGROUP DELCONSUMER k g c"),
        form(redis.xgroup_destroy("k", "g"), "XGROUP DESTROY k g"),
        form(redis.xgroup_setid("k", "g", "0"), "XGROUP SETID k g 0"),
        form(redis.xreadgroup::<String>("g", "c", [("k", ">")], Some(1)), "XREADGROUP GROUP g c COUNT 1 STREAMS k >"),
        form(redis.xreadgroup_noack::<String>("g", "c", [("k", ">")], None), "XREADGROUP GROUP g c NOACK STREAMS k >"),
        form(redis.xack("k", "g", "1-1"), "XACK k g 1-1"),
        form(redis.xpending("k", "g"), "XPENDING k g"),
        form(
            redis.xpending_entries("k", "g", XPending::first(9).idle(Duration::ZERO).between("1", "2").consumer("c")),
            "XPENDING k g IDLE 0 1 2 9 c",
        ),
        form(
            redis.xclaim::<String>("k", "g", "c", SECOND, ["1-1"], claim()),
            "XCLAIM k g c 1000 1-1 IDLE 0 RETRYCOUNT 0 FORCE LASTID 1-0",
        ),
        form(
            redis.xclaim_ids("k", "g", "c", SECOND, "1-1", XClaimOptions::new().time(UNIX_EPOCH + SECOND)),
            "XCLAIM k g c 1000 1-1 TIME 1000 JUSTID",
        ),
        form(redis.xautoclaim::<String>("k", "g", "c", SECOND, "0", Some(0)), "XAUTOCLAIM k g c 1000 0 COUNT 0"),
        form(redis.xautoclaim_ids("k", "g", "c", SECOND, "0", None), "XAUTOCLAIM k g c 1000 0 JUSTID"),
        form(redis.xinfo_groups("k"), "XINFO GROUPS k"),
        form(redis.xinfo_consumers("k", "g"), "XINFO CONSUMERS k g"),
        form(redis.xinfo_stream("k"), "XINFO STREAM k"),
        form(redis.xackdel("k", "g", References::Acked, ["1-1"]), "XACKDEL k g ACKED IDS 1 1-1"),
        form(redis.xdelex("k", References::Delete, ["1-1", "1-2"]), "XDELEX k DELREF IDS 2 1-1 1-2"),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    let k = stage.key("stream");
    let add = async |id: &str, value: &str| redis.xadd(&k, id, [("f", value)], XAddOptions::new()).await.unwrap();
    assert_eq!(redis.xadd(&k, "*", [("f", "x")], XAddOptions::new().no_make_stream()).await.unwrap(), None);
    assert_eq!(add("1-1", "a").await.as_deref(), Some("1-1"));
    redis.xadd(&k, "1-2", [("f", "b"), ("f", "again")], XAddOptions::new()).await.unwrap();
    add("2-0", "c").await;
    let entries = redis.xrange::<String>(&k, "-", "+").await.unwrap();
    assert_eq!(entries[1].fields, [("f".to_owned(), "b".to_owned()), ("f".to_owned(), "again".to_owned())]);
    assert_eq!(entries[0].get("f").map(String::as_str), Some("a"));
    assert_eq!(redis.xrange_count::<String>(&k, "-", "+", 1).await.unwrap()[0].id, "1-1");
    assert_eq!(redis.xrevrange::<String>(&k, "+", "-").await.unwrap()[0].id, "2-0");
    assert_eq!(redis.xrevrange_count::<String>(&k, "+", "-", 2).await.unwrap().len(), 2);
    let StreamReads(reads) = redis.xread::<String>([(&k, "1-2"), (&stage.key("none"), "0")], None).await.unwrap();
    assert_eq!((reads.len(), &reads[0].0, reads[0].1[0].id.as_str()), (1, &k, "2-0"));
    assert_eq!(redis.xread::<String>([(&k, "9")], None).await.unwrap().0, []);

    redis.xgroup_create(&k, "g", XGroupCreate::from_id("0")).await.unwrap();
    assert!(redis.xgroup_createconsumer(&k, "g", "idle").await.unwrap());
    let StreamReads(reads) = redis.xreadgroup::<String>("g", "one", [(&k, ">")], Some(2)).await.unwrap();
    assert_eq!(reads[0].1.len(), 2);
    let pending = redis.xpending(&k, "g").await.unwrap();
    assert_eq!((pending.count, pending.first.as_deref(), pending.last.as_deref()), (2, Some("1-1"), Some("1-2")));
    assert_eq!(pending.consumers, [("one".to_owned(), 2)]);
    let listed = redis.xpending_entries(&k, "g", XPending::first(10).consumer("one")).await.unwrap();
    assert_eq!((listed[0].id.as_str(), listed[0].deliveries), ("1-1", 1));
    let claimed = redis.xclaim::<String>(&k, "g", "two", Duration::ZERO, "1-1", XClaimOptions::new()).await.unwrap();
    assert_eq!(claimed[0].id, "1-1");
    let ids = redis.xclaim_ids(&k, "g", "two", Duration::ZERO, "1-2", XClaimOptions::new()).await.unwrap();
    assert_eq!(ids, ["1-2"]);
    let auto = redis.xautoclaim::<String>(&k, "g", "three", Duration::ZERO, "0", Some(1)).await.unwrap();
    assert_eq!((auto.next.as_str(), auto.entries[0].id.as_str()), ("1-2", "1-1"));
    let auto = redis.xautoclaim_ids(&k, "g", "three", Duration::ZERO, &auto.next, None).await.unwrap();
    assert_eq!((auto.next.as_str(), auto.entries), ("0-0", vec!["1-2".to_owned()]));
    assert_eq!(redis.xack(&k, "g", ["1-1", "9-9"]).await.unwrap(), 1);
    let groups = redis.xinfo_groups(&k).await.unwrap();
    assert_eq!((groups[0].name.as_str(), groups[0].pending, groups[0].lag), ("g", 1, Some(1)));
    assert_eq!(redis.xinfo_consumers(&k, "g").await.unwrap().len(), 4);
    assert_eq!(redis.xgroup_delconsumer(&k, "g", "three").await.unwrap(), 1);
    redis.xgroup_setid(&k, "g", "0").await.unwrap();
    let StreamReads(reads) = redis.xreadgroup_noack::<String>("g", "one", [(&k, ">")], None).await.unwrap();
    assert_eq!(reads[0].1.len(), 3);
    assert_eq!(redis.xpending(&k, "g").await.unwrap().count, 0);

    if stage.knows("XDELEX").await {
        redis.xgroup_setid(&k, "g", "0").await.unwrap();
        redis.xreadgroup::<String>("g", "one", [(&k, ">")], Some(1)).await.unwrap();
        let deleted = redis.xdelex(&k, References::Acked, ["1-1", "0-5"]).await.unwrap();
        assert_eq!(deleted, [EntryDeletion::Referenced, EntryDeletion::Missing]);
        let acked = redis.xackdel(&k, "g", References::Keep, "1-1").await.unwrap();
        assert_eq!(acked, [EntryDeletion::Deleted]);
    } else {
        redis.xdel(&k, "1-1").await.unwrap();
    }
    let info = redis.xinfo_stream(&k).await.unwrap();
    assert_eq!((info.length, info.last_generated_id.as_str(), info.groups), (2, "2-0", 1));
    assert_eq!(redis.xdel(&k, ["1-2", "9-9"]).await.unwrap(), 1);
    assert_eq!(redis.xtrim(&k, TrimOptions::min_id("3")).await.unwrap(), 1);
    assert_eq!(redis.xlen(&k).await.unwrap(), 0);
    assert!(redis.xgroup_destroy(&k, "g").await.unwrap());
}
