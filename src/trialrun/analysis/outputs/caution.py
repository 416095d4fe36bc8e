"""The cautions of models and the names of covariances, in French."""

from __future__ import annotations

from collections.abc import Mapping

from trialrun.analysis.longitudinal.caution import Code

FRENCH: Mapping[Code, str] = {
    "model-secondary": "Avec si peu de participants, le test apparié exact prime ; ce modèle est secondaire.",
    "equal-correlations": (
        "Un intercept aléatoire suppose des variances et des corrélations égales ; si elles diffèrent, il "
        "trouve jusqu'à deux fois trop souvent des variations qui n'existent pas."
    ),
    "normal-inference": (
        "La loi normale ignore que la covariance est estimée : elle trouve environ deux fois trop souvent "
        "des variations qui n'existent pas."
    ),
    "several-df": (
        "Un test de plusieurs visites à la fois tient mal son niveau dans de très petits échantillons (Skene "
        "et Kenward, Stat Med 2010;29:2825) ; préférer le test exact de Friedman ou la statistique de type "
        "ANOVA selon Box."
    ),
    "no-global-maximum": (
        "Il n'y a pas plus de participants complets que de visites : la vraisemblance d'une covariance non "
        "structurée n'a qu'un maximum local ; l'estimation tient à peu de valeurs."
    ),
    "negative-component": (
        "Les composantes de la variance ne sont pas celles d'effets aléatoires (l'une est négative) ; les "
        "moyennes et leurs tests restent valables."
    ),
    "other-structure": "La covariance prévue n'a pu être ajustée ; la suivante du plan a été retenue.",
    "robust-variance": "Les variances sandwich sont trop petites avec peu de participants, même corrigées.",
}
STRUCTURES: Mapping[str, str] = {
    "unstructured": "non structurée",
    "compound-symmetry": "symétrie composée",
    "heterogeneous-compound-symmetry": "symétrie composée hétérogène",
    "ar1": "autorégressive d'ordre 1",
    "heterogeneous-ar1": "autorégressive d'ordre 1 hétérogène",
    "ante-dependence": "d'antédépendance",
    "heterogeneous-ante-dependence": "d'antédépendance hétérogène",
    "toeplitz": "de Toeplitz",
    "heterogeneous-toeplitz": "de Toeplitz hétérogène",
    "diagonal": "diagonale",
    "random-intercept": "intercept aléatoire",
}
