use crate::support::{Form, Stage, form};
use axum_upstash::{
    ErrorKind,
    redis::{Json, JsonFormat, Redis, Reply},
};
use serde_json::{Value, json};

pub fn forms(redis: &Redis) -> Vec<Form> {
    let layout = JsonFormat::new().indent("\t").newline("\n").space("_");
    vec![
        form(redis.json_set("k", "$", json!({"a": 1})), r#"JSON.SET k $ {"a":1}"#),
        form(redis.json_set_if_absent("k", "$.a", "text"), r#"JSON.SET k $.a "text" NX"#),
        form(redis.json_set_if_present("k", "$.a", 1.5), "JSON.SET k $.a 1.5 XX"),
        form(redis.json_get::<String>("k"), "JSON.GET k"),
        form(redis.json_get_paths::<String>("k", ["$.a", "$.b"]), "JSON.GET k $.a $.b"),
        form(redis.json_get_formatted("k", layout, "$"), "JSON.GET k INDENT \t NEWLINE \n SPACE _ $"),
        form(redis.json_mget::<String>(["a", "b"], "$"), "JSON.MGET a b $"),
        form(redis.json_mset([("a", "$", 1), ("b", "$.x", 2)]), "JSON.MSET a $ 1 b $.x 2"),
        form(redis.json_merge("k", "$", json!({"a": null})), r#"JSON.MERGE k $ {"a":null}"#),
        form(redis.json_del("k", "$.a"), "JSON.DEL k $.a"),
        form(redis.json_forget("k", "$"), "JSON.FORGET k $"),
        form(redis.json_clear("k", "$"), "JSON.CLEAR k $"),
        form(redis.json_type("k", "$.*"), "JSON.TYPE k $.*"),
        form(redis.json_resp::<Reply>("k", "$"), "JSON.RESP k $"),
        form(redis.json_arrappend("k", "$.a", [json!(1), json!("x")]), r#"JSON.ARRAPPEND k $.a 1 "x""#),
        form(redis.json_arrinsert("k", "$.a", -1, [true]), "JSON.ARRINSERT k $.a -1 true"),
        form(redis.json_arrindex("k", "$.a", "x"), r#"JSON.ARRINDEX k $.a "x""#),
        form(redis.json_arrindex_between("k", "$.a", 1, 2, 0), "JSON.ARRINDEX k $.a 1 2 0"),
        form(redis.json_arrlen("k", "$.a"), "JSON.ARRLEN k $.a"),
        form(redis.json_arrpop::<String>("k", "$.a", -1), "JSON.ARRPOP k $.a -1"),
        form(redis.json_arrtrim("k", "$.a", 0, 1), "JSON.ARRTRIM k $.a 0 1"),
        form(redis.json_numincrby("k", "$.n", 0.5), "JSON.NUMINCRBY k $.n 0.5"),
        form(redis.json_incrby("k", "$.n", -1), "JSON.NUMINCRBY k $.n -1"),
        form(redis.json_nummultby("k", "$.n", 2.0), "JSON.NUMMULTBY k $.n 2"),
        form(redis.json_toggle("k", "$.b"), "JSON.TOGGLE k $.b"),
        form(redis.json_objkeys("k", "$"), "JSON.OBJKEYS k $"),
        form(redis.json_objlen("k", "$"), "JSON.OBJLEN k $"),
        form(redis.json_strappend("k", "$.s", "\"x"), r#"JSON.STRAPPEND k $.s "\"x""#),
        form(redis.json_strlen("k", "$.s"), "JSON.STRLEN k $.s"),
        form(redis.json_debug_memory::<u64>("k", "$"), "JSON.DEBUG MEMORY k $"),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    let k = stage.key("json");
    if !stage.knows("JSON.GET").await {
        return;
    }
    let document =
        json!({"name": "Zoë 🦀", "n": 1, "big": i64::MAX, "b": true, "list": [1, "two", null], "o": {"x": 1}});
    assert!(redis.json_set(&k, "$", &document).await.unwrap());
    assert_eq!(redis.json_get::<Json<Value>>(&k).await.unwrap().0, document);
    assert_eq!(redis.json_get::<Option<Json<Value>>>(stage.key("none")).await.unwrap(), None);
    assert_eq!(redis.json_get_paths::<Json<Vec<i64>>>(&k, "$.big").await.unwrap().0, [i64::MAX]);
    assert_eq!(redis.json_get_paths::<Json<String>>(&k, ".name").await.unwrap().0, "Zoë 🦀");
    let both: Json<Value> = redis.json_get_paths(&k, ["$.n", "$.b"]).await.unwrap();
    assert_eq!(both.0, json!({"$.n": [1], "$.b": [true]}));
    let laid_out = redis.json_get_formatted(&k, JsonFormat::new().indent(" ").newline("\n").space(" "), "$.o").await;
    assert_eq!(laid_out.unwrap().unwrap(), "[\n {\n  \"x\": 1\n }\n]");
    assert!(!redis.json_set_if_absent(&k, "$.n", 2).await.unwrap());
    assert!(redis.json_set_if_present(&k, "$.n", 2).await.unwrap());
    assert_eq!(redis.json_incrby(&k, "$.n", 5).await.unwrap().0, [Some(7)]);
    assert_eq!(redis.json_numincrby(&k, "$.n", 0.5).await.unwrap().0, [Some(7.5)]);
    assert_eq!(redis.json_nummultby(&k, "$.n", 2.0).await.unwrap().0, [Some(15.0)]);
    assert_eq!(redis.json_numincrby(&k, "$.name", 1.0).await.unwrap().0, [None]);
    assert_eq!(redis.json_toggle(&k, "$.b").await.unwrap(), [Some(false)]);
    assert_eq!(redis.json_strappend(&k, "$.name", "!").await.unwrap().len(), 1);
    assert!(redis.json_strlen(&k, "$.name").await.unwrap().unwrap()[0].unwrap() >= 6);
    let types = redis.json_type(&k, "$.list.*").await.unwrap().unwrap();
    assert_eq!(types, ["integer", "string", "null"]);
    assert_eq!(redis.json_objkeys(&k, "$.o").await.unwrap().unwrap(), [Some(vec!["x".to_owned()])]);
    assert_eq!(redis.json_objlen(&k, "$.o").await.unwrap().unwrap(), [Some(1)]);
    assert_eq!(redis.json_arrappend(&k, "$.list", [4, 5]).await.unwrap(), [Some(5)]);
    assert_eq!(redis.json_arrinsert(&k, "$.list", 0, ["first"]).await.unwrap(), [Some(6)]);
    assert_eq!(redis.json_arrindex(&k, "$.list", "two").await.unwrap(), [Some(2)]);
    assert_eq!(redis.json_arrindex_between(&k, "$.list", "two", 3, 0).await.unwrap(), [Some(-1)]);
    assert_eq!(redis.json_arrpop::<Json<i64>>(&k, "$.list", -1).await.unwrap()[0].0, 5);
    assert_eq!(redis.json_arrtrim(&k, "$.list", 1, 2).await.unwrap(), [Some(2)]);
    assert_eq!(redis.json_arrlen(&k, "$.list").await.unwrap().unwrap(), [Some(2)]);
    redis.json_merge(&k, "$", json!({"o": null, "new": [1]})).await.unwrap();
    assert_eq!(redis.json_type(&k, "$.o").await.unwrap().unwrap(), [""; 0]);
    assert_eq!(redis.json_clear(&k, "$.new").await.unwrap(), 1);
    assert_eq!(redis.json_del(&k, "$.new").await.unwrap(), 1);
    let other = stage.key("json");
    redis.json_mset([(&other, "$", json!([1])), (&k, "$.n", json!(1))]).await.unwrap();
    let all = redis.json_mget::<Option<Json<Value>>>([&other, &stage.key("none")], "$[0]").await.unwrap();
    assert_eq!(all, [Some(Json(json!([1]))), None]);
    assert!(matches!(redis.json_resp::<Reply>(&other, "$").await.unwrap(), Reply::Array(_)));
    redis.json_debug_memory::<Reply>(&other, "$").await.unwrap();
    assert_eq!(redis.json_forget(&other, "$").await.unwrap(), 1);
    assert_eq!(redis.exists(&other).await.unwrap(), 0);
    redis.set(&other, "text").await.unwrap();
    assert_eq!(redis.json_get::<Option<String>>(&other).await.unwrap_err().kind(), ErrorKind::WrongType);
    // A path whose reply could not be read is refused, and nothing is changed.
    let older = redis.json_incrby(&k, ".n", 1).await.unwrap_err();
    assert_eq!(older.kind(), ErrorKind::InvalidInput);
    assert_eq!(redis.json_get_paths::<Json<Vec<i64>>>(&k, "$.n").await.unwrap().0, [1]);
    // What serde cannot write is not sent.
    let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert_eq!(redis.json_set(&k, "$", unwritable).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}
