//! Limits that can be changed while the application runs.

use super::{Ratelimit, identifier::key_segment, store::DynamicLimits};
use crate::{Error, ErrorKind};
use std::fmt;

impl Ratelimit {
    /// The [dynamic limit](DynamicLimits) of the prefix.
    ///
    /// # Errors
    /// If the store fails, or the limiter has no dynamic limits.
    pub async fn dynamic_limit(&self) -> Result<Option<u32>, Error> {
        self.require_dynamic(false)?;
        self.settings.store.dynamic_limit(&self.settings.prefix, None).await
    }

    /// Sets or, with `None`, removes the dynamic limit of the prefix. It has no time to live, as in `@upstash/ratelimit`.
    ///
    /// Other processes apply it with their next request to the store.
    ///
    /// # Errors
    /// If the store fails, or the limiter has no dynamic limits.
    pub async fn set_dynamic_limit(&self, limit: Option<u32>) -> Result<(), Error> {
        self.require_dynamic(false)?;
        self.settings.store.set_dynamic_limit(&self.settings.prefix, None, limit).await?;
        self.limits_changed();
        Ok(())
    }

    /// The dynamic limit of one identifier.
    ///
    /// # Errors
    /// If the store fails, or the limiter has no dynamic limits for identifiers.
    pub async fn dynamic_limit_of(&self, identifier: impl fmt::Display) -> Result<Option<u32>, Error> {
        self.require_dynamic(true)?;
        let identifier = identifier.to_string();
        self.settings.store.dynamic_limit(&self.settings.prefix, Some(&key_segment(&identifier))).await
    }

    /// Sets or, with `None`, removes the dynamic limit of one identifier.
    ///
    /// # Errors
    /// If the store fails, or the limiter has no dynamic limits for identifiers.
    pub async fn set_dynamic_limit_of(&self, identifier: impl fmt::Display, limit: Option<u32>) -> Result<(), Error> {
        self.require_dynamic(true)?;
        let identifier = identifier.to_string();
        self.settings.store.set_dynamic_limit(&self.settings.prefix, Some(&key_segment(&identifier)), limit).await?;
        self.limits_changed();
        Ok(())
    }

    fn require_dynamic(&self, of_identifier: bool) -> Result<(), Error> {
        match self.settings.dynamic {
            DynamicLimits::Identifier => Ok(()),
            DynamicLimits::Prefix if !of_identifier => Ok(()),
            DynamicLimits::Off | DynamicLimits::Prefix => {
                Err(Error::new(ErrorKind::InvalidInput, "the limiter has no such dynamic limits: with_dynamic_limits"))
            }
        }
    }

    fn limits_changed(&self) {
        if let Some(blocks) = &self.settings.blocks {
            blocks.clear();
        }
    }
}
