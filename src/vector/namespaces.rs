//! Namespaces: their names, and what empties, deletes and renames them.

use super::{
    Index,
    call::{Call, check_namespace},
};
use crate::Error;
use serde::de::IgnoredAny;
use serde_json::json;

impl<M> Index<M> {
    /// Deletes all records of the namespace, which stays.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn reset(&self) -> Result<(), Error> {
        self.acknowledged(Call::new("vector reset", "/reset").once()).await
    }

    /// Deletes all records of all namespaces, which stay.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn reset_all(&self) -> Result<(), Error> {
        self.acknowledged(Call::of_index("vector reset", "/reset?all=true").once()).await
    }

    /// The names of all namespaces: that of the default one, which is empty, comes first.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn namespaces(&self) -> Result<Vec<String>, Error> {
        self.caller.send(Call::of_index("vector list-namespaces", "/list-namespaces")).await?.read()
    }

    /// Deletes this namespace with its records. The default one cannot be deleted.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such namespace, and those of the service.
    pub async fn delete_namespace(&self) -> Result<(), Error> {
        self.acknowledged(Call::new("vector delete-namespace", "/delete-namespace").once()).await
    }

    /// Gives this namespace another name, which must not be taken, and returns the index in it. The default one cannot be
    /// renamed.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such namespace, and those of the service.
    pub async fn rename_namespace(&self, name: impl AsRef<str>) -> Result<Self, Error> {
        self.rename(name.as_ref(), false).await
    }

    /// Gives this namespace the name of another one, which is deleted, and returns the index in it.
    ///
    /// # Errors
    /// As [`rename_namespace`](Self::rename_namespace).
    pub async fn replace_namespace(&self, name: impl AsRef<str>) -> Result<Self, Error> {
        self.rename(name.as_ref(), true).await
    }

    async fn rename(&self, name: &str, replaces: bool) -> Result<Self, Error> {
        const OPERATION: &str = "vector rename-namespace";
        check_namespace(name).map_err(|error| error.with_operation(OPERATION))?;
        let body = json!({"namespace": &*self.caller.namespace, "newNamespace": name, "deleteExisting": replaces});
        self.acknowledged(Call::of_index(OPERATION, "/rename-namespace").json(&body)?.once()).await?;
        Ok(self.namespace(name))
    }

    async fn acknowledged(&self, call: Call) -> Result<(), Error> {
        self.caller.send(call).await?.read::<IgnoredAny>().map(drop)
    }
}
