//! The embedded backend: one redb file in a folder.
