//! The accounts of the official development server, whose tokens and keys are public knowledge.

/// An account.
#[derive(Clone, Copy)]
pub(super) struct User {
    /// The name, which the token has in it.
    pub(super) id: &'static str,
    pub(super) token: &'static str,
    pub(super) current_key: &'static str,
    pub(super) next_key: &'static str,
}

/// `defaultUser`, and `testUser1` to `testUser3`.
pub(super) const USERS: [User; 4] = [
    User {
        id: "defaultUser",
        token: "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=",
        current_key: "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
        next_key: "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
    },
    User {
        id: "testUser1",
        token: "eyJVc2VySUQiOiJ0ZXN0VXNlcjEiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9",
        current_key: "sig_7GVPjvuwsfqF65iC8fSrs1dfYruM",
        next_key: "sig_5NoELc3EFnZn4DVS5bDs2Nk4b7Ua",
    },
    User {
        id: "testUser2",
        token: "eyJVc2VySUQiOiJ0ZXN0VXNlcjIiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9",
        current_key: "sig_6jWGaWRxHsw4vMSPJprXadyvrybF",
        next_key: "sig_7qHbvhmahe5GwfePDiS5Lg3pi6Qx",
    },
    User {
        id: "testUser3",
        token: "eyJVc2VySUQiOiJ0ZXN0VXNlcjMiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9",
        current_key: "sig_5T8FcSsynBjn9mMLBsXhpacRovJf",
        next_key: "sig_7GFR4YaDshFcqsxWRZpRB161jguD",
    },
];
