"""The record as a Django application."""

from django.apps import AppConfig


class RecordConfig(AppConfig):
    name = "trialrun.record"
    label = "record"
