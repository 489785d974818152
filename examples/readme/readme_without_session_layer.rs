//! The same without the layer that its handler needs.

include!(concat!(env!("OUT_DIR"), "/readme_without_session_layer.rs"));
