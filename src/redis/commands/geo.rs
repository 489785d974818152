use super::{GeoAddOptions, GeoHit, GeoPosition, GeoSearch, GeoUnit, commands};
use crate::redis::ToArg;

commands! {
    /// `GEOADD`: places with longitude and latitude in degrees; returns how many are new, or changed with
    /// [`GeoAddOptions::changed`].
    write "GEOADD" geoadd(
        key: impl ToArg, options: GeoAddOptions, places: impl IntoIterator<Item = (f64, f64, impl ToArg)>,
    ) -> u64 {
        |cmd| places.into_iter().fold(options.write(cmd.key(key)), |cmd, (longitude, latitude, member)| {
            cmd.arg(longitude).arg(latitude).arg(member)
        })
    }

    /// `GEODIST`: the distance of two places, or nil if one is not there.
    read "GEODIST" geodist(key: impl ToArg, one: impl ToArg, other: impl ToArg, unit: GeoUnit) -> Option<f64> {
        |cmd| cmd.key(key).arg(one).arg(other).arg(unit)
    }

    /// `GEOHASH`: the geohash of each place, nil if it is not there.
    read "GEOHASH" geohash(key: impl ToArg, members: impl ToArg) -> Vec<Option<String>> {
        |cmd| cmd.key(key).arg(members)
    }

    /// `GEOPOS`: the position of each place, in their order, nil if it is not there.
    read "GEOPOS" geopos(key: impl ToArg, members: impl ToArg) -> Vec<Option<GeoPosition>> {
        |cmd| cmd.key(key).arg(members)
    }

    /// `GEOSEARCH`: the places in an area.
    read "GEOSEARCH" geosearch<T>(key: impl ToArg, search: GeoSearch) -> Vec<T> {
        |cmd| search.write(cmd.key(key))
    }

    /// `GEOSEARCH … WITHCOORD WITHDIST WITHHASH`: the places in an area and what is known of them.
    read "GEOSEARCH" geosearch_hits<T>(key: impl ToArg, search: GeoSearch) -> Vec<GeoHit<T>> {
        |cmd| search.write(cmd.key(key)).arg("WITHCOORD").arg("WITHDIST").arg("WITHHASH")
    }

    /// `GEOSEARCHSTORE`: keeps the places in an area under `to` and returns how many.
    write "GEOSEARCHSTORE" geosearchstore(to: impl ToArg, from: impl ToArg, search: GeoSearch) -> u64 {
        |cmd| search.write(cmd.key(to).key(from))
    }

    /// `GEOSEARCHSTORE … STOREDIST`: the same with distances for scores.
    write "GEOSEARCHSTORE" geosearchstore_dist(to: impl ToArg, from: impl ToArg, search: GeoSearch) -> u64 {
        |cmd| search.write(cmd.key(to).key(from)).arg("STOREDIST")
    }

    /// `GEORADIUS`: the places within a radius. [`geosearch`](Self::geosearch) has this and more.
    write "GEORADIUS" georadius<T>(
        key: impl ToArg, longitude: f64, latitude: f64, radius: f64, unit: GeoUnit,
    ) -> Vec<T> {
        |cmd| cmd.key(key).arg(longitude).arg(latitude).arg(radius).arg(unit)
    }

    /// `GEORADIUS_RO`: the same, as a command that cannot store.
    read "GEORADIUS_RO" georadius_ro<T>(
        key: impl ToArg, longitude: f64, latitude: f64, radius: f64, unit: GeoUnit,
    ) -> Vec<T> {
        |cmd| cmd.key(key).arg(longitude).arg(latitude).arg(radius).arg(unit)
    }

    /// `GEORADIUSBYMEMBER`: the places within a radius of another.
    write "GEORADIUSBYMEMBER" georadiusbymember<T>(
        key: impl ToArg, member: impl ToArg, radius: f64, unit: GeoUnit,
    ) -> Vec<T> {
        |cmd| cmd.key(key).arg(member).arg(radius).arg(unit)
    }

    /// `GEORADIUSBYMEMBER_RO`: the same, as a command that cannot store.
    read "GEORADIUSBYMEMBER_RO" georadiusbymember_ro<T>(
        key: impl ToArg, member: impl ToArg, radius: f64, unit: GeoUnit,
    ) -> Vec<T> {
        |cmd| cmd.key(key).arg(member).arg(radius).arg(unit)
    }
}
