//! Namespaces: their names, and what empties, deletes and renames them.

use super::{Index, call::Call};
use crate::Error;
use serde::de::IgnoredAny;
use serde_json::json;

impl<M> Index<M> {
    /// Deletes all records of the namespace, which stays.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn reset(&self) -> Result<(), Error> {
        self.acknowledged(Call::new("vector reset", "/reset")).await
    }

    /// Deletes all records of all namespaces, which stay.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn reset_all(&self) -> Result<(), Error> {
        self.acknowledged(Call::of_index("vector reset", "/reset?all=true")).await
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

    /// Gives this namespace another name, and returns the index in it. The default one cannot be renamed.
    ///
    /// With `replaces` a namespace that has the name is deleted first; otherwise it is an error.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such namespace, and those of the service.
    pub async fn rename_namespace(&self, name: impl AsRef<str>, replaces: bool) -> Result<Self, Error> {
        let name = name.as_ref();
        let body = json!({"namespace": &*self.caller.namespace, "newNamespace": name, "deleteExisting": replaces});
        let call = Call::of_index("vector rename-namespace", "/rename-namespace").json(&body)?.once();
        self.acknowledged(call).await?;
        Ok(self.namespace(name))
    }

    async fn acknowledged(&self, call: Call) -> Result<(), Error> {
        self.caller.send(call).await?.read::<IgnoredAny>().map(drop)
    }
}
