use super::error::invalid;
use crate::Error;
use std::{fmt, str::FromStr};

/// A region of QStash. Tokens, messages and signing keys belong to one region.
///
/// Text is read as the official SDKs read `QSTASH_REGION`: in any case, with hyphens or underscores.
///
/// ```
/// use axum_upstash::qstash::{QStashClient, Region};
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let region: Region = "us_east_1".parse()?;
/// assert_eq!(region, Region::UsEast1);
/// let qstash = QStashClient::builder("token").region(region).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Region {
    /// `EU_CENTRAL_1`, the default.
    EuCentral1,
    /// `US_EAST_1`
    UsEast1,
}

impl Region {
    pub(crate) const ALL: [Self; 2] = [Self::EuCentral1, Self::UsEast1];

    /// The address of the region.
    #[must_use]
    pub const fn url(self) -> &'static str {
        match self {
            Self::EuCentral1 => "https://qstash-eu-central-1.upstash.io",
            Self::UsEast1 => "https://qstash-us-east-1.upstash.io",
        }
    }

    /// The name, as deliveries have it in `Upstash-Region`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EuCentral1 => "EU-CENTRAL-1",
            Self::UsEast1 => "US-EAST-1",
        }
    }
}

impl FromStr for Region {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim().replace('_', "-");
        let found = Self::ALL.into_iter().find(|region| region.as_str().eq_ignore_ascii_case(&text));
        found.ok_or_else(|| invalid("a region is US_EAST_1 or EU_CENTRAL_1"))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_hyphens_do_not_count() {
        for (text, region) in [
            ("US_EAST_1", Some(Region::UsEast1)),
            ("us-east-1", Some(Region::UsEast1)),
            ("Us-East_1", Some(Region::UsEast1)),
            ("EU-CENTRAL-1", Some(Region::EuCentral1)),
            (" eu_central_1 ", Some(Region::EuCentral1)),
            ("", None),
            ("US", None),
            ("secret", None),
        ] {
            assert_eq!(text.parse::<Region>().ok(), region, "{text}");
        }
        assert!(!"secret".parse::<Region>().unwrap_err().to_string().contains("secret"));
    }
}
