use super::keyword_enums::{adding_setters, words};
use crate::redis::{Cmd, FromReply, Reply, ReplyTypeError};

words! {
    /// A unit of length.
    ///
    /// ```
    /// use axum_upstash::redis::{GeoAddOptions, GeoUnit};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let local = axum_upstash::local::LocalRedis::start().await?;
    /// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
    /// let redis = upstash.redis();
    /// redis.geoadd("cities", GeoAddOptions::default(), [(18.65, 54.35, "Gdańsk"), (21.01, 52.23, "Warszawa")]).await?;
    /// let distance = redis.geodist("cities", "Gdańsk", "Warszawa", GeoUnit::Kilometres).await?;
    /// assert!(distance.is_some_and(|km| (280.0..290.0).contains(&km)), "{distance:?}");
    /// # Ok(())
    /// # }
    /// ```
    pub enum GeoUnit {
        /// Metres.
        Metres = "M",
        /// Kilometres.
        Kilometres = "KM",
        /// Feet.
        Feet = "FT",
        /// Miles.
        Miles = "MI",
    }
}

/// A place on the earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeoPosition {
    /// East of Greenwich.
    pub longitude: f64,
    /// North of the equator.
    pub latitude: f64,
}

impl FromReply for GeoPosition {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let (longitude, latitude) = FromReply::from_reply(reply)?;
        Ok(Self { longitude, latitude })
    }
}

/// A place that a search found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GeoHit<T> {
    /// The place.
    pub member: T,
    /// The distance from the centre, in the unit of the search.
    pub distance: f64,
    /// Its score.
    pub hash: i64,
    /// The position.
    pub position: GeoPosition,
}

impl<T: FromReply> FromReply for GeoHit<T> {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let (member, distance, hash, position) = FromReply::from_reply(reply)?;
        Ok(Self { member, distance, hash, position })
    }
}

/// The options of `GEOADD`.
///
/// ```
/// use axum_upstash::redis::GeoAddOptions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let new = redis.geoadd("cities", GeoAddOptions::default(), [(18.65, 54.35, "Gdańsk")]).await?;
/// assert_eq!(new, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[must_use]
pub struct GeoAddOptions {
    condition: Option<&'static str>,
    changed: bool,
}

impl GeoAddOptions {
    adding_setters!("places");

    pub(super) fn write(self, cmd: Cmd) -> Cmd {
        cmd.arg(self.condition).arg(self.changed.then_some("CH"))
    }
}

/// An area, and which of the places in it are wanted.
///
/// ```
/// use axum_upstash::redis::{GeoAddOptions, GeoSearch, GeoUnit};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.geoadd("cities", GeoAddOptions::default(), [(18.65, 54.35, "Gdańsk"), (21.01, 52.23, "Warszawa")]).await?;
/// let near: Vec<String> = redis.geosearch("cities", GeoSearch::around(18.5, 54.5, 50.0, GeoUnit::Kilometres)).await?;
/// assert_eq!(near, ["Gdańsk"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct GeoSearch {
    centre: Centre,
    shape: Shape,
    order: Option<&'static str>,
    count: Option<(u64, bool)>,
}

#[derive(Debug, Clone)]
enum Centre {
    Member(Vec<u8>),
    Position(f64, f64),
}

#[derive(Debug, Clone)]
enum Shape {
    Radius(f64, GeoUnit),
    Box(f64, f64, GeoUnit),
}

impl GeoSearch {
    /// `FROMMEMBER … BYRADIUS`: around a place.
    pub fn around_member(member: impl Into<Vec<u8>>, radius: f64, unit: GeoUnit) -> Self {
        Self { centre: Centre::Member(member.into()), shape: Shape::Radius(radius, unit), order: None, count: None }
    }

    /// `FROMLONLAT … BYRADIUS`: around a position in degrees.
    pub fn around(longitude: f64, latitude: f64, radius: f64, unit: GeoUnit) -> Self {
        let centre = Centre::Position(longitude, latitude);
        Self { centre, shape: Shape::Radius(radius, unit), order: None, count: None }
    }

    /// `BYBOX`: in a box around the centre, and not in a circle.
    pub fn in_box(mut self, width: f64, height: f64, unit: GeoUnit) -> Self {
        self.shape = Shape::Box(width, height, unit);
        self
    }

    /// `ASC`: the nearest first.
    pub fn nearest_first(mut self) -> Self {
        self.order = Some("ASC");
        self
    }

    /// `DESC`: the farthest first.
    pub fn farthest_first(mut self) -> Self {
        self.order = Some("DESC");
        self
    }

    /// `COUNT`: at most so many, the nearest ones.
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some((count, false));
        self
    }

    /// `COUNT … ANY`: at most so many, whichever are found first.
    pub fn count_any(mut self, count: u64) -> Self {
        self.count = Some((count, true));
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(super) fn write(self, cmd: Cmd) -> Cmd {
        let cmd = match self.centre {
            Centre::Member(member) => cmd.arg("FROMMEMBER").arg(member),
            Centre::Position(longitude, latitude) => cmd.arg("FROMLONLAT").arg(longitude).arg(latitude),
        };
        let cmd = match self.shape {
            Shape::Radius(radius, unit) => cmd.arg("BYRADIUS").arg(radius).arg(unit),
            Shape::Box(width, height, unit) => cmd.arg("BYBOX").arg(width).arg(height).arg(unit),
        };
        let count = self.count.map(|(count, any)| (("COUNT", count), any.then_some("ANY")));
        cmd.arg(self.order).arg(count)
    }
}
