//! The Messages API client, against the scripted Claude.
