"""The main job: virtual participants run through the record as a site would."""
