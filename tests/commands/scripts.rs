use crate::support::{Form, Stage, form};
use axum_upstash::{
    ErrorKind,
    redis::{FlushMode, Redis},
};

pub fn forms(redis: &Redis) -> Vec<Form> {
    vec![
        form(redis.eval::<String>("return 1", ["a", "b"], 5), "EVAL return 1 2 a b 5"),
        form(redis.eval::<String>("return 1", (), ()), "EVAL return 1 0"),
        form(redis.eval_ro::<String>("return 1", "a", ["x", "y"]), "EVAL_RO return 1 1 a x y"),
        form(redis.evalsha::<String>("0f", "a", ()), "EVALSHA 0f 1 a"),
        form(redis.evalsha_ro::<String>("0f", (), "x"), "EVALSHA_RO 0f 0 x"),
        form(redis.script_exists(["0f", "1f"]), "SCRIPT EXISTS 0f 1f"),
        form(redis.script_flush(FlushMode::Async), "SCRIPT FLUSH ASYNC"),
        form(redis.script_load("return 1"), "SCRIPT LOAD return 1"),
        form(redis.script_kill(), "SCRIPT KILL"),
        form(redis.function_load("#!lua name=l"), "FUNCTION LOAD #!lua name=l"),
        form(redis.function_load_replace("#!lua name=l"), "FUNCTION LOAD REPLACE #!lua name=l"),
        form(redis.function_delete("l"), "FUNCTION DELETE l"),
        form(redis.function_flush(FlushMode::Sync), "FUNCTION FLUSH SYNC"),
        form(redis.function_list(), "FUNCTION LIST"),
        form(redis.function_list_with_code("l*"), "FUNCTION LIST LIBRARYNAME l* WITHCODE"),
        form(redis.function_stats(), "FUNCTION STATS"),
        form(redis.function_kill(), "FUNCTION KILL"),
        form(redis.fcall::<String>("f", ["a"], ()), "FCALL f 1 a"),
        form(redis.fcall_ro::<String>("f", (), ["x"]), "FCALL_RO f 0 x"),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    let k = stage.key("script");
    let source = "return {KEYS[1], ARGV[1], #ARGV}";
    let answer = (k.clone(), "x".to_owned(), 1);
    assert_eq!(redis.eval::<(String, String, i64)>(source, &k, "x").await.unwrap(), answer);
    assert_eq!(redis.eval_ro::<(String, String, i64)>(source, &k, "x").await.unwrap(), answer);
    let hash = redis.script_load(source).await.unwrap();
    assert_eq!(redis.evalsha::<(String, String, i64)>(&hash, &k, "x").await.unwrap(), answer);
    assert_eq!(redis.evalsha_ro::<(String, String, i64)>(&hash, &k, "x").await.unwrap(), answer);
    assert_eq!(redis.script_exists([hash.as_str(), "0000"]).await.unwrap(), [true, false]);
    let write = redis.eval_ro::<()>("return redis.call('SET', KEYS[1], 1)", &k, ()).await.unwrap_err();
    assert!(write.message().contains("read-only"), "{write}");
    redis.script_flush(FlushMode::Sync).await.unwrap();
    assert_eq!(redis.evalsha::<()>(&hash, (), ()).await.unwrap_err().kind(), ErrorKind::NoScript);
    assert!(redis.script_kill().await.is_err());

    let library = format!("lib{}", k.replace(':', "_"));
    let code = format!(
        "#!lua name={library}\nredis.register_function{{function_name='{library}_f', flags={{'no-writes'}}, \
         callback=function(keys, args) return args[1] end}}"
    );
    assert_eq!(redis.function_load(&code).await.unwrap(), library);
    assert_eq!(redis.function_load_replace(&code).await.unwrap(), library);
    assert_eq!(redis.fcall::<i64>(format!("{library}_f"), (), 7).await.unwrap(), 7);
    assert_eq!(redis.fcall_ro::<i64>(format!("{library}_f"), &k, 7).await.unwrap(), 7);
    let listed = redis.function_list_with_code(&library).await.unwrap();
    assert_eq!((listed[0].name.as_str(), listed[0].engine.as_str()), (library.as_str(), "LUA"));
    assert_eq!(listed[0].functions[0].flags, ["no-writes"]);
    assert!(listed[0].code.is_some());
    assert!(redis.function_list().await.unwrap().iter().all(|library| library.code.is_none()));
    assert!(
        redis
            .function_stats()
            .await
            .unwrap()
            .engines
            .iter()
            .any(|(name, libraries, _)| name == "LUA" && *libraries > 0)
    );
    assert!(redis.function_kill().await.is_err());
    redis.function_delete(&library).await.unwrap();
    redis.function_flush(FlushMode::Sync).await.unwrap();
    assert_eq!(redis.function_list().await.unwrap(), []);
}
