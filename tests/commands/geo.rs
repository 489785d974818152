use crate::support::{Form, Stage, form};
use axum_upstash::redis::{GeoAddOptions, GeoSearch, GeoUnit, Redis};

pub fn forms(redis: &Redis) -> Vec<Form> {
    let search = || GeoSearch::around(15.0, 0.0, 200.0, GeoUnit::Kilometres);
    vec![
        form(redis.geoadd("k", GeoAddOptions::new(), [(1.5, 0.0, "a")]), "GEOADD k 1.5 0 a"),
        form(
            redis.geoadd("k", GeoAddOptions::new().if_present().changed(), [(1.0, 2.0, "a"), (3.0, 4.0, "b")]),
            "GEOADD k XX CH 1 2 a 3 4 b",
        ),
        form(redis.geodist("k", "a", "b", GeoUnit::Feet), "GEODIST k a b FT"),
        form(redis.geohash("k", ["a", "b"]), "GEOHASH k a b"),
        form(redis.geopos("k", "a"), "GEOPOS k a"),
        form(
            redis.geosearch::<String>("k", search().nearest_first().count(5)),
            "GEOSEARCH k FROMLONLAT 15 0 BYRADIUS 200 KM ASC COUNT 5",
        ),
        form(
            redis.geosearch_hits::<String>(
                "k",
                GeoSearch::around_member("m", 1.0, GeoUnit::Miles)
                    .in_box(4.0, 2.0, GeoUnit::Metres)
                    .farthest_first()
                    .count_any(1),
            ),
            "GEOSEARCH k FROMMEMBER m BYBOX 4 2 M DESC COUNT 1 ANY WITHCOORD WITHDIST WITHHASH",
        ),
        form(redis.geosearchstore("to", "k", search()), "GEOSEARCHSTORE to k FROMLONLAT 15 0 BYRADIUS 200 KM"),
        form(
            redis.geosearchstore_dist("to", "k", search()),
            "GEOSEARCHSTORE to k FROMLONLAT 15 0 BYRADIUS 200 KM STOREDIST",
        ),
        form(redis.georadius::<String>("k", 15.0, 37.0, 2.0, GeoUnit::Kilometres), "GEORADIUS k 15 37 2 KM"),
        form(redis.georadius_ro::<String>("k", 15.0, 37.0, 2.0, GeoUnit::Kilometres), "GEORADIUS_RO k 15 37 2 KM"),
        form(redis.georadiusbymember::<String>("k", "m", 2.0, GeoUnit::Metres), "GEORADIUSBYMEMBER k m 2 M"),
        form(redis.georadiusbymember_ro::<String>("k", "m", 2.0, GeoUnit::Metres), "GEORADIUSBYMEMBER_RO k m 2 M"),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    let (k, to) = (stage.key("geo"), stage.key("geo"));
    let places = [(13.361_389, 38.115_556, "Palermo"), (15.087_269, 37.502_669, "Catania")];
    assert_eq!(redis.geoadd(&k, GeoAddOptions::new(), places).await.unwrap(), 2);
    assert_eq!(redis.geoadd(&k, GeoAddOptions::new().if_absent(), places).await.unwrap(), 0);
    let distance = redis.geodist(&k, "Palermo", "Catania", GeoUnit::Kilometres).await.unwrap().unwrap();
    assert!((distance - 166.27).abs() < 0.1);
    assert_eq!(redis.geodist(&k, "Palermo", "none", GeoUnit::Metres).await.unwrap(), None);
    assert_eq!(redis.geohash(&k, ["Palermo", "none"]).await.unwrap(), [Some("sqc8b49rny0".to_owned()), None]);
    // A place that is not there keeps its turn.
    let positions = redis.geopos(&k, ["none", "Catania"]).await.unwrap();
    assert!(positions[0].is_none());
    assert!((positions[1].unwrap().longitude - 15.087_269).abs() < 1e-5);
    let search = || GeoSearch::around(15.0, 37.0, 200.0, GeoUnit::Kilometres).nearest_first();
    assert_eq!(redis.geosearch::<String>(&k, search()).await.unwrap(), ["Catania", "Palermo"]);
    let hits = redis.geosearch_hits::<String>(&k, search().count(1)).await.unwrap();
    assert_eq!((hits.len(), hits[0].member.as_str()), (1, "Catania"));
    assert!((hits[0].distance - 56.44).abs() < 0.1 && hits[0].hash > 0);
    assert!((hits[0].position.latitude - 37.502_669).abs() < 1e-5);
    assert_eq!(redis.geosearchstore(&to, &k, search()).await.unwrap(), 2);
    let small = GeoSearch::around_member("Palermo", 1.0, GeoUnit::Metres).in_box(1.0, 1.0, GeoUnit::Metres);
    assert_eq!(redis.geosearchstore_dist(&to, &k, small).await.unwrap(), 1);
    let unit = GeoUnit::Kilometres;
    assert_eq!(redis.georadius::<String>(&k, 15.0, 37.0, 100.0, unit).await.unwrap(), ["Catania"]);
    assert_eq!(redis.georadius_ro::<String>(&k, 15.0, 37.0, 100.0, unit).await.unwrap(), ["Catania"]);
    assert_eq!(redis.georadiusbymember::<String>(&k, "Palermo", 1.0, unit).await.unwrap(), ["Palermo"]);
    assert_eq!(redis.georadiusbymember_ro::<String>(&k, "Palermo", 1.0, unit).await.unwrap(), ["Palermo"]);
}
